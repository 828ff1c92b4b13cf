"""The page as a server on this machine's loopback, from start to end."""

import socket
from collections.abc import Callable, Mapping
from secrets import token_urlsafe

import uvicorn

from importer.errors import UsageError
from importer.sandbox.server import Server
from importer.settings import Options
from importer.web.page_app import UPLOADS, create_app
from importer.web.page_security import Guard
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

HOST = "127.0.0.1"
STEPS = (OPEN, MATCH, VALUES, FIX, REVIEW, SEND, RUNS)
_PATIENCE = 5.0  # seconds that work under way gets at the end


def serve_page(options: Options, environment: Mapping[str, str], port: int, ready: Callable[[str], None]) -> None:
    """Serve the page until it is closed, or a signal ends it; then everything that was uploaded is deleted.

    ``port``: 0 for any that is free. ``ready`` gets the address to open, which works once. Raises :class:`UsageError`
    if the port cannot be used, and :class:`OSError` if there can be no folder for the session.
    """
    listener = _listener(port)
    authority = f"{HOST}:{listener.getsockname()[1]}"
    token = token_urlsafe(32)
    with listener, session_folder(environment) as folder:

        def stop() -> None:
            server.stop()

        session = Session(folder, options, environment, Sendings(environment))
        app = create_app(session, STEPS, stop)
        config = uvicorn.Config(
            Guard(app, authority, token, UPLOADS),
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        server = Server(config, lambda: ready(f"http://{authority}/?token={token}"))
        server.run(sockets=[listener])
        session.background.settle(_PATIENCE)


def _listener(port: int) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((HOST, port))
    except (OSError, OverflowError) as error:
        found.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"--port {port}: the page cannot be served there: {reason}", "Leave out --port to take any that is free."
        ) from None
    return found
