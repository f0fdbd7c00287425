{
  "algorithm": "ed25519",
  "key": "aea6260bd38cb06c",
  "signature": "KOvxRUUs9P9VAUGe7Kq8LH77bzkG2eurt62ehNtoOypwNSYD3ChZ30AGsxNa6sYkc6F9ydBmxDie8ogVRZSUAQ=="
}
