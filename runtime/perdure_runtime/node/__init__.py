"""A runtime node: the shells around a partition, and how they are put together."""
