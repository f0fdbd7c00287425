{
  "algorithm": "ed25519",
  "key": "aea6260bd38cb06c",
  "signature": "xytbxCW9/BfpEp037MtWYePjkwChSJARWzDYzNIy9Pxn11rT8hZPuwCJSoV/ShvBU8PLD/5gLxjmVxf6H3inAA=="
}
