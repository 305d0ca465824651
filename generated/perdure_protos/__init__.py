"""Generated code of our own protos."""
