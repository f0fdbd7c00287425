{
  "algorithm": "ed25519",
  "key": "aea6260bd38cb06c",
  "signature": "UiVAyP7Wy6DDFqXFs0VHn59Uw/0scgo8miEynf+2uY79SNX7smC32yT9smp9VZOumZETlouAHyBlo0IMsXyvDw=="
}
