"""What calls handlers by itself: the messages of topics, and the times of schedules. See docs/adr/0015."""
