"""Storage: the port, its adapters for SQLite and PostgreSQL, and the memory fake that simulations run on."""
