"""The settings of a runtime node: one typed schema, and where each value comes from."""
