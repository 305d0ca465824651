"""Storage: the port, its SQLite adapter, and the memory fake that simulations run on."""
