"""SQL for operators: read-only views over whatever storage, in a process that can be ended at any time."""
