"""The pure core of the runtime: applies inputs to rows, emits writes and effects; does no I/O."""
