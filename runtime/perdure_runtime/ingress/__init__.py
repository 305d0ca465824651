"""Where calls from outside enter: gRPC, and JSON over HTTP."""
