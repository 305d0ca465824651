"""The runtime node: partitions, storage, invoker, ingress."""
