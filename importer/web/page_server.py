"""The page's server on this machine's loopback address, from start to end, and the guard that restricts access."""

import hmac
import secrets
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from importer.errors import UsageError
from importer.sandbox.server import HOST, PortTakenError, Server, bind, quiet_config
from importer.settings import Options
from importer.web.page_app import UPLOADS, create_app
from importer.web.private_state import session_folder
from importer.web.sendings import Sendings
from importer.web.session_state import Session
from importer.web.step_fix import FIX
from importer.web.step_match import MATCH
from importer.web.step_open import OPEN
from importer.web.step_review import REVIEW
from importer.web.step_runs import RUNS
from importer.web.step_send import SEND
from importer.web.step_values import VALUES

STEPS = (OPEN, MATCH, VALUES, FIX, REVIEW, SEND, RUNS)
_PATIENCE = 5.0  # seconds that running work gets at the end
MOST_OF_A_FORM = 20_000_000  # bytes; files are uploaded to a separate address, which has its own limit
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers would send "Origin: null" with a form
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_SAFE = frozenset({"GET", "HEAD"})
_OWN_SITE = frozenset({"same-origin", "none"})
_NO_COOKIE = "This page is open in another browser. Open the address that `importer open` shows in the terminal."
_USED = "This address was already used. Stop `importer open` with Ctrl-C and start it again to get a new one."


def serve_page(options: Options, environment: Mapping[str, str], port: int, ready: Callable[[str], None]) -> None:
    """Serve the page until it is closed or a signal ends it; then all uploads are deleted.

    ``port``: 0 for any free port. ``ready`` gets the address to open, which works once. Raises :class:`UsageError` if
    the port cannot be used, and :class:`OSError` if the session's folder cannot be created.
    """
    try:
        listener = bind(port)
    except PortTakenError as error:
        reason = getattr(error.__cause__, "strerror", None) or str(error)
        hint = "Leave out --port to use a free one."
        raise UsageError(f"--port {port}: the page cannot use this port: {reason}", hint) from None
    authority = f"{HOST}:{listener.getsockname()[1]}"
    token = secrets.token_urlsafe(32)
    with listener, session_folder(environment) as folder:
        session = Session(folder, options, environment, Sendings(environment))
        app = create_app(session, STEPS, lambda: server.stop())  # noqa: PLW0108 - there is no server yet
        config = quiet_config(Guard(app, authority, token), server_header=False)
        server = Server(config, lambda: ready(f"http://{authority}/?token={token}"))
        server.run(sockets=[listener])
        session.background.wait(_PATIENCE)


class Guard:
    """ASGI middleware in front of everything, static files included.

    ``authority``: the only host and port that a request may name. All others are refused, so that a foreign name that
    resolves to this machine has no access. ``token``: works once, and is exchanged for a cookie.
    """

    def __init__(self, app: ASGIApp, authority: str, token: str) -> None:
        self._app = app
        self._authority = authority
        self._origin = f"http://{authority}"
        self._token: str | None = token
        self._secret = secrets.token_urlsafe(32)
        self._cookie = f"importer-{authority.rpartition(':')[2]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # there are no WebSockets, and uvicorn's lifespan is off
        answer = self._refusal(scope)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if answer is not None:
            await answer(scope, receive, guarded)
            return
        limited = receive if scope["path"].startswith(UPLOADS) else _limited(receive)
        await self._app(scope, limited, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if headers.getlist("host") != [self._authority]:
            return PlainTextResponse("This is not the address of the page.", 421)
        origins = headers.getlist("origin")
        if origins != [self._origin] and (origins or scope["method"] not in _SAFE):
            return PlainTextResponse("Another page may not send requests to this one.", 403)
        if headers.get("sec-fetch-site", "none") not in _OWN_SITE:
            return PlainTextResponse("Another page may not open this one.", 403)
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if scope["method"] == "GET" and scope["path"] == "/" and "token" in query:
            return self._enter(query["token"])
        size = int(headers.get("content-length", "0") or 0)
        if size > MOST_OF_A_FORM and not scope["path"].startswith(UPLOADS):
            return PlainTextResponse("The form is too large.", 413)
        given = HTTPConnection(scope).cookies.get(self._cookie, "")
        known = hmac.compare_digest(given.encode(), self._secret.encode())
        return None if known else PlainTextResponse(_NO_COOKIE, 403)

    def _enter(self, given: Iterable[str]) -> Response:
        """Exchange the token for a cookie; the token works only once."""
        token, wanted = "".join(given), self._token
        if wanted is None or not hmac.compare_digest(token.encode(), wanted.encode()):
            return PlainTextResponse(_USED, 403)
        self._token = None
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self._cookie, self._secret, path="/", httponly=True, samesite="strict")
        return answer


def _limited(receive: Receive) -> Receive:
    """Disconnect if a form sends more than ``MOST_OF_A_FORM``, even if it has no Content-Length."""
    got = 0

    async def bounded() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > MOST_OF_A_FORM:
            return {"type": "http.disconnect"}
        return message

    return bounded
