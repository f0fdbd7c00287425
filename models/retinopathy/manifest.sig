{
  "algorithm": "ed25519",
  "key": "aea6260bd38cb06c",
  "signature": "7xV9KnfaN8ZSWb8fYkkKHM9IVnIBqhRPbAtWnpzcci6+gfK3b5syrHbbrFum1LoIY7B9qgB2Yn7T+EtHy7bXAg=="
}
