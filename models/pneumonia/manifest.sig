{
  "algorithm": "ed25519",
  "key": "aea6260bd38cb06c",
  "signature": "7N/ewVA0egJ+px2m2lXSey4MPdnpmIESafhrb2eMjAYB4rle5/hgkER63D7eEvZSa/h9yKwFUPAl6ryKBCpbBA=="
}
