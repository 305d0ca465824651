"""One request of a browser: what it asks for, what it may, and the page that it gets."""

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from perdure_runtime.admin.roles import LEAST_ROLES
from perdure_runtime.ingress.http.errors import status_of as http_status_of
from perdure_runtime.ingress.refusal import Refusal, unexpected
from perdure_runtime.security.principal import CALLER
from perdure_runtime.ui.forms import Form, parse_form
from perdure_runtime.ui.links import is_ours, link
from perdure_runtime.ui.menu import menu_at
from perdure_runtime.ui.notice import COOKIE, KEPT_S, Notice, read_notice
from perdure_runtime.ui.port import Answer, HandlerAnswer, HandlerCall
from perdure_runtime.ui.site import Site

THEME_COOKIE = "perdure_theme"
THEMES = ("auto", "light", "dark")


class Visit:
    """Given to each page. ``query`` is what stands behind the question mark of its address."""

    def __init__(self, site: Site, request: Request) -> None:
        self.site = site
        self.request = request
        self.query = Form(request.query_params.multi_items())
        self.now_ms = site.now_ms()
        self.principal = CALLER.get()

    @property
    def address(self) -> str:
        """Of this page, with its query."""
        query = self.request.url.query
        return f"{self.request.url.path}?{query}" if query else self.request.url.path

    def part(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    async def form(self) -> Form:
        """The form that was sent. Raises Refusal."""
        return parse_form(await self.request.body())

    async def ask(self, method: str, request: Message, answer_type: type[Answer]) -> Answer:
        """Asks an rpc of the admin API. Raises Refusal, also where the one who visits may not."""
        return await self.site.api.ask(method, request, answer_type)

    async def call(self, call: HandlerCall) -> HandlerAnswer:
        """Calls a handler. Raises Refusal, also where the one who visits may not."""
        return await self.site.caller.call(call)

    def may(self, method: str) -> bool:
        """Whether the one who visits may ask an rpc: what is refused anyway is not offered."""
        return self.principal.may(LEAST_ROLES[method])

    def page(self, template: str, *, http_status: int = 200, problem: str = "", **facts: Any) -> Response:
        """A page; ``problem`` says what went wrong on the way to it."""
        cookie = self.request.cookies.get(COOKIE)
        theme = self.request.cookies.get(THEME_COOKIE, "auto")
        shared = {
            "address": self.address,
            "may": self.may,
            "now_ms": self.now_ms,
            "notice": Notice(problem, is_problem=True) if problem else read_notice(cookie),
            "menu": menu_at(self.request.url.path),
            "theme": theme if theme in THEMES else "auto",
            "who": self.principal.name if self.site.login is not None and self.principal.role is not None else "",
        }
        response = HTMLResponse(self.site.templates.render(template, shared | facts), http_status)
        if cookie:
            response.delete_cookie(COOKIE, path=link())
        return response

    def go(self, address: str, done: str = "", problem: str = "") -> Response:
        """Ends a form: leads to a page, which says what has been done, or what has not."""
        response = RedirectResponse(address if is_ours(address) else link(), 303)
        if done or problem:
            notice = Notice(problem or done, is_problem=bool(problem))
            response.set_cookie(COOKIE, notice.cookie(), max_age=KEPT_S, path=link(), httponly=True, samesite="strict")
        return response


Show = Callable[[Visit], Awaitable[Response]]


def shown(site: Site, path: str, show: Show) -> Route:
    """A page to read."""
    return Route(path, _answering(site, show), methods=["GET"])


def done(site: Site, path: str, do: Show) -> Route:
    """What a form does."""
    return Route(path, _answering(site, do), methods=["POST"])


def _answering(site: Site, show: Show) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        visit = Visit(site, request)
        try:
            return await show(visit)
        except Refusal as refusal:
            return failed(visit, refusal)
        except Exception:
            return failed(visit, unexpected(request.url.path))

    return answer


def failed(visit: Visit, refusal: Refusal) -> Response:
    """The page in place of one that could not be made: it has the sentence of who refused."""
    return visit.page("error.html", http_status=http_status_of(refusal), title="Not possible", message=refusal.message)
