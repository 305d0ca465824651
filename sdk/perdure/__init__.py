"""perdure: contract-first durable execution for Python microservices."""
