"""Nodes among each other: calls that belong to another node's partitions, and messages between partitions."""
