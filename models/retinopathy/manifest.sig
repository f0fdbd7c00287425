{
  "algorithm": "ed25519",
  "key": "aea6260bd38cb06c",
  "signature": "4rR7gesDg9fK51N0thUqaFImSF3aNBKfByNDUZtif5e0HaVR9AGZ598f+tQdDqw+WAq2WmL8FsX4sm6CMStGBQ=="
}
