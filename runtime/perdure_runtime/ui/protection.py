"""What protects the pages from other sites: headers for every answer, and forms taken from our own pages only."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not "no-referrer": with that, browsers do not say where a form comes from.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
STATIC = "/ui/static/"
SAFE = frozenset({"GET", "HEAD"})
REFUSED = (
    "this form does not come from a page of this site, so that nothing was done: open the page here, and send it again"
)


class Protected:
    """An ASGI application in front of the pages."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                # Pages have keys and payloads in them, which no cache is to keep; what never has is asked for again.
                headers["cache-control"] = "no-cache" if scope["path"].startswith(STATIC) else "no-store"
            await send(message)

        if scope["method"] not in SAFE and not is_from_here(Headers(scope=scope)):
            await PlainTextResponse(REFUSED, 403)(scope, receive, send_protected)
            return
        await self._app(scope, receive, send_protected)


def is_from_here(headers: Headers) -> bool:
    """Whether a browser says that a request comes from a page of ours; what says nothing is no browser's form."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == headers.get("host")
