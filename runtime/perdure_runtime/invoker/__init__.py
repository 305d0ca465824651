"""Running attempts at endpoints, over sessions."""
