"""The application: the steps as pages, their actions as forms, and parts of pages that are reloaded separately."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from importer.errors import ImporterError, OutputError, SourceError, UsageError
from importer.web.background import defect
from importer.web.private_state import receive
from importer.web.session_state import ChangedElsewhereError, Session
from importer.web.target_choices import words_of

UPLOADS = "/upload/"
_KINDS = {
    ".csv": "text/csv", ".json": "application/json", ".html": "text/html", ".jsonl": "application/jsonl",
    ".yaml": "application/yaml", ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip
_META = re.compile(rb'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')


@dataclass(frozen=True)
class Ask:
    """One request: the session, and the values of the form or the address."""

    session: Session
    form: Mapping[str, Sequence[str]] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """The trimmed text of a field of the form; ``""`` if it is missing."""
        return self.form[name][0].strip() if self.form.get(name) else ""

    @property
    def path(self) -> Path:
        return Path(self.text("path")).expanduser().absolute()

    def edit(self) -> AbstractContextManager[Session]:
        """Change the session, if its state is still the one that the form was made for."""
        return self.session.edit(self.number(self.text("version"), 0))

    @staticmethod
    def number(text: str, otherwise: int) -> int:
        """A whole number; ``otherwise`` for anything else."""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else otherwise


@dataclass(frozen=True)
class PageContent:
    """A page or a part of a page: its template, and the values for the template."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)


Show = Callable[[Ask], PageContent]
Act = Callable[[Ask], str]


@dataclass(frozen=True)
class PageStep:
    """One step on the way from a file to sent customers.

    ``actions``: what its forms do; each returns the address to go to. ``parts``: parts of the page that are reloaded
    while something is computed. ``files``: what can be downloaded.
    """

    name: str
    title: str
    show: Show
    actions: Mapping[str, Act] = field(default_factory=dict)
    parts: Mapping[str, Show] = field(default_factory=dict)
    files: Mapping[str, Callable[[Ask], Response]] = field(default_factory=dict)


def templates() -> Environment:
    """The templates, which escape everything that they print."""
    made = Environment(
        loader=PackageLoader("importer.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["number"] = lambda count: f"{count:,}"
    made.filters["percent"] = lambda share: f"{share:.0%}"
    made.filters["plain"] = lambda text: text.replace("`", "")
    made.filters["field"] = lambda name: "Reference ID" if name == "reference_id" else words_of(name)
    made.filters["said"] = _said
    made.filters["filled"] = lambda parts, sign: sign.join(str(part) for part in parts if part)
    made.filters["duration"] = _duration
    return made


def _said(value: Any) -> str:
    """A value of a body as readable text. Values can be texts, Booleans, lookups, lists, and attributes."""
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    if isinstance(value, dict):
        if "$lookup" in value:
            return ", ".join(map(_said, value["$lookup"].values()))
        if value.keys() == {"name", "value"}:  # a custom attribute
            return f"{value['name']}: {_said(value['value'])}"
        return ", ".join(f"{name}: {_said(own)}" for name, own in value.items())
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Pages:
    """The pages of one session. ``stop`` ends the server."""

    def __init__(self, session: Session, steps: Sequence[PageStep], stop: Callable[[], None]) -> None:
        self._session = session
        self._steps = steps
        self._stop = stop
        self._templates = templates()

    def routes(self) -> list[Route | Mount]:
        first = self._steps[0].name
        routes: list[Route | Mount] = [
            Route("/", lambda _: RedirectResponse(f"/{first}", 303)),
            Route(UPLOADS + "{name:path}", self._upload, methods=["PUT"]),
            Route("/close", self._close, methods=["POST"]),
            Mount("/static", StaticFiles(directory=str(files("importer.web") / "static"))),
        ]
        for step in self._steps:
            at = f"/{step.name}"
            routes.append(Route(at, self._shown(partial(self._render, step))))
            routes += [
                Route(f"{at}/{name}", self._action(step, act), methods=["POST"]) for name, act in step.actions.items()
            ]
            routes += [
                Route(f"{at}/part/{name}", self._shown(partial(self._part, show))) for name, show in step.parts.items()
            ]
            routes += [
                Route(f"{at}/file/{name}", self._shown(partial(self._file, step, give)))
                for name, give in step.files.items()
            ]
        return routes

    def _shown(self, render: Callable[[Ask], Response]) -> Callable[..., Any]:
        async def answer(request: Request) -> Response:
            return await run_in_threadpool(render, Ask(self._session.seen(), query=dict(request.query_params)))

        return answer

    def _action(self, step: PageStep, act: Act) -> Callable[..., Any]:
        async def answer(request: Request) -> Response:
            posted = await request.form(max_files=0, max_fields=20_000)
            form: dict[str, list[str]] = {}
            for name, value in posted.multi_items():
                form.setdefault(name, []).append(str(value))
            ask = Ask(self._session, form, dict(request.query_params))
            return await run_in_threadpool(self._act, step, act, ask)

        return answer

    def _act(self, step: PageStep, act: Act, ask: Ask) -> Response:
        try:
            return RedirectResponse(act(ask), 303)
        except ImporterError as error:
            status = 409 if isinstance(error, ChangedElsewhereError) else 400
            return self._render(step, Ask(ask.session.seen(), query=ask.query), error=error, status=status)

    def _render(self, step: PageStep, ask: Ask, *, error: ImporterError | None = None, status: int = 200) -> Response:
        try:
            shown = step.show(ask)
        except ImporterError as own:
            error, status = error or own, status if status != 200 else 400
            shown = PageContent("nothing.html")
        notice, self._session.notice = self._session.notice, ""
        common = {
            "step": step,
            "steps": self._steps,
            "sources": [source.rstrip("/").rpartition("/")[2] for source in ask.session.sources],
            "banner": self._session.sendings.active(),
            "error": error,
            "notice": notice,
        }
        return self._page(ask, shown, status, **common)

    def _page(self, ask: Ask, shown: PageContent, status: int = 200, **common: Any) -> Response:
        template = self._templates.get_template(shown.template)
        return HTMLResponse(template.render(version=ask.session.version, **common, **shown.values), status)

    def _part(self, show: Show, ask: Ask) -> Response:
        try:
            return self._page(ask, show(ask))
        except ImporterError as error:
            return self._page(ask, PageContent("failed.html", {"error": error}))

    def _file(self, step: PageStep, give: Callable[[Ask], Response], ask: Ask) -> Response:
        try:
            return give(ask)
        except ImporterError as error:
            return self._render(step, ask, error=error, status=400)

    async def _upload(self, request: Request) -> Response:
        session = self._session
        try:
            path = await receive(session.uploads, request.path_params["name"], request.stream())
        except SourceError as error:
            return PlainTextResponse(f"{error.message}. {error.hint}", 413)
        except ClientDisconnect:
            return PlainTextResponse("", 400)
        except OSError as error:
            return PlainTextResponse(f"The file could not be stored: {error.strerror}.", 507)

        def take() -> None:
            with session.lock, session.edit(session.version) as changed:  # even if the session has changed
                changed.take_sources((*changed.sources, str(path)))

        await run_in_threadpool(take)
        return PlainTextResponse(path.name, 201)

    async def _close(self, request: Request) -> Response:
        posted = await request.form(max_files=0)
        try:
            with Ask(self._session, {"version": [str(posted.get("version", ""))]}).edit():
                self._stop()
        except UsageError as error:
            return PlainTextResponse(str(error), 409)
        return PlainTextResponse(
            "The session is closed, and the uploaded files have been deleted. You can close this window."
        )


def create_app(session: Session, steps: Sequence[PageStep], stop: Callable[[], None]) -> Starlette:
    """The application, without the guard in front of it."""

    def broken(_: Request, error: Exception) -> Response:
        said = defect(error)
        return PlainTextResponse(f"{said.message}. {said.hint}", 500)

    def gone(_: Request, __: Exception) -> Response:
        return PlainTextResponse("The request was incomplete.", 400)

    handlers = {Exception: broken, ClientDisconnect: gone}
    return Starlette(routes=Pages(session, steps, stop).routes(), exception_handlers=handlers)


def file_of(path: Path) -> Response:
    """A file to download. Raises :class:`OutputError` if it no longer exists."""
    _refuse_missing(path)
    return FileResponse(path, filename=path.name, media_type=_KINDS.get(path.suffix, "application/octet-stream"))


def report_page(path: Path) -> Response:
    """A report to view, sandboxed, under its own content security policy, which allows only its style and script."""
    _refuse_missing(path)
    content = path.read_bytes()
    own = _META.search(content)
    policy = own[1].decode().replace("&#39;", "'") if own else "default-src 'none'"
    headers = {"Content-Security-Policy": f"{policy}; frame-ancestors 'none'; sandbox allow-scripts allow-downloads"}
    return Response(content, media_type="text/html", headers=headers)


def _refuse_missing(path: Path) -> None:
    if not path.is_file():
        raise OutputError(f"{path} no longer exists", "Run again to write it.")
