"""What `perdure doctor` looks at. Loaded when it runs."""
