{
  "algorithm": "ed25519",
  "key": "aea6260bd38cb06c",
  "signature": "jAPFw+DtlRO3zw9Cw+sJdsatxMPMA6IGIQVDcffN5EBfdUtllXC1f2JqxgDYHqX+aSzGLWg+kU+g2g+xpM87CQ=="
}
