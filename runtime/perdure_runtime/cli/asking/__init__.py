"""What commands ask of a node, and how they print its answers. Loaded when one of them runs."""
