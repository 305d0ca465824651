"""protoc-gen-perdure: turns contracts into typed handlers, contexts and clients."""
