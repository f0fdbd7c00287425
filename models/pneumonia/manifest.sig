{
  "algorithm": "ed25519",
  "key": "aea6260bd38cb06c",
  "signature": "IU3LWZF9l6ETT1iWKK2+S2QtvYH+55gha154ySGfx9WrkLMoL7casJ2t0n7g2kWO+GFSV+BfkpLTUsJ85hguDQ=="
}
