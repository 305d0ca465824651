"""What operators ask of a node: the server in it, and a client of it."""
