{
  "algorithm": "ed25519",
  "key": "aea6260bd38cb06c",
  "signature": "TODGsyZZ9lCLJVwOM3sw4rlOQkM7busOiX7bMsSkGezOQmkL0iITDVwXXpxYlZOj4JzZJqRAQ6kgTnT/v7r4Dg=="
}
