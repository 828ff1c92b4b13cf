"""``open``: the local page, on which everything that the commands do can be done in a browser."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec

from importer.errors import OutputError, UsageError
from importer.settings import Options

_NEEDED = ("jinja2", "multipart", "starlette", "uvicorn")


def open_page(options: Options, environment: Mapping[str, str], port: int, ready: Callable[[str], None]) -> None:
    """Serve the page on this machine until it is closed. ``ready`` gets its address, which works only once.

    ``port``: 0 for any free port. Raises :class:`UsageError` if the extra ``ui`` is not installed or the port cannot
    be used, and :class:`OutputError` if files cannot be kept.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"the page needs packages that are not installed: {', '.join(missing)}",
            "Install them with: pip install 'wizcommerce-importer[ui]'",
        )
    from importer.web.page_server import serve_page  # noqa: PLC0415 - without the extra, it cannot be imported

    try:
        serve_page(options, environment, port, ready)
    except OSError as error:
        raise OutputError(
            f"the page cannot store its files: {error.strerror or error}",
            "Free some space, or set XDG_STATE_HOME to a folder that you can write to.",
        ) from error
