{
  "algorithm": "ed25519",
  "key": "aea6260bd38cb06c",
  "signature": "LzQ9ryW4YrSPRV6o9sMSKr1NeVUnTZ4Mjv17oQ6yjbqZexi40Qz8IvB0SyLQxwpgUyTDmFQTUxCdxk9Wz+sABQ=="
}
