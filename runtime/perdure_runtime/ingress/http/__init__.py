"""JSON over HTTP/1.1: uvicorn's protocol on our listener, and one ASGI application.

Calls follow Connect's unary protocol (https://connectrpc.com/docs/protocol), which is what curl users would guess: POST
the request in protobuf's JSON to /package.Service/Method. Browsers of other origins are not let in (no CORS headers): a
node is called by services, and a proxy before it can open it.
"""
