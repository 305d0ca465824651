"""What happens to an invocation between its birth and its end, one file an event."""
