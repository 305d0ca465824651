"""What a handler can ask for, one file a kind of command."""
