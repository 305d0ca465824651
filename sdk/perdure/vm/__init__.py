"""The invocation machine: one attempt of an invocation as a pure value, without I/O, clock or chance."""
