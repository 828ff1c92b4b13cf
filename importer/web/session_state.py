"""The state of a session (sources, how they are read and matched, what was decided), and the equivalent commands."""

import copy
import hashlib
import re
import shlex
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from importer.errors import UsageError
from importer.private_files import make_folder, replacing
from importer.settings import Commands, Options
from importer.web.background import Background
from importer.web.sendings import Sendings


@dataclass(frozen=True)
class ReadSettings:
    """How the sources are read; None: as detected."""

    country: str | None = None
    sheet: str | None = None
    encoding: str | None = None
    delimiter: str | None = None

    def options(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Matching:
    """Which mapping is used: a draft with these choices, one with a name or a path, or the user's own text.

    ``answers``, ``targets``, and ``skip`` are for a draft, as in :func:`importer.suggest`.
    """

    kind: Literal["draft", "named", "text"] = "draft"
    content: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)
    skip: Mapping[str, Sequence[str]] = field(default_factory=dict)
    from_scratch: bool = False


@dataclass(frozen=True)
class Access:
    """Where customers are sent. The key is kept in memory only, and no repr shows it."""

    api: str = "sandbox"
    key: str | None = field(default=None, repr=False)
    mode: Literal["create", "upsert"] = "create"
    tenant: str | None = None
    rate: float | None = None


class ChangedElsewhereError(UsageError):
    """Another page of this session changed something since this one was loaded."""


class Session:
    """The state of a session. Every edit increases its ``version``; an edit of an older version is refused.

    ``folder`` is deleted at the end. ``base``: the options of the command line. ``notice``: a message that the next
    page shows once.
    """

    def __init__(self, folder: Path, base: Options, environment: Mapping[str, str], sendings: Sendings) -> None:
        self.folder = folder
        self.base = base
        self.environment = environment
        self.sendings = sendings
        self.background = Background()
        self.lock = threading.RLock()
        self.version = 1
        self.sources: tuple[str, ...] = base.sources
        self.reading = ReadSettings(base.country, base.sheet, base.encoding, base.delimiter)
        self.matching = Matching("named", base.mapping) if base.mapping else Matching()
        self.saved: tuple[Path, str] | None = None
        self.words: Mapping[tuple[str, str], str] = {}
        self.values: Path | None = base.values
        self.lookups: Path | None = base.lookups
        self.corrections: Path | None = base.corrections
        self.corrections_saved: Path | None = base.corrections  # where the user wants them
        self.access = Access(api=base.api, mode=base.mode, tenant=base.tenant)  # type: ignore[arg-type]  # a choice
        self.sheets: dict[str, None] = {}  # names of sheets, including those that are not read
        self.planned: Any = None  # the state that a plan was asked for
        self.verifying: tuple[str, str | None] | None = None  # a run, and the key for it
        self.notice = ""

    @property
    def uploads(self) -> Path:
        """The folder of the files that were dropped on the page."""
        return self.folder / "files"

    @contextmanager
    def edit(self, version: int) -> Iterator["Session"]:
        """A copy to change, which becomes the state if the block succeeds.

        Raises :class:`ChangedElsewhereError` if ``version`` is not the current version.
        """
        with self.lock:
            if version != self.version:
                raise ChangedElsewhereError(
                    "another window changed something in the meantime, so your change was not made",
                    "You now see the current state. If your change is still needed, make it again.",
                )
            changed = self.seen()
            yield changed
            changed.version += 1
            vars(self).update(vars(changed))

    def seen(self) -> "Session":
        """A snapshot of the state, so that a page does not mix the states before and after an edit."""
        return copy.copy(self)

    def take_sources(self, sources: tuple[str, ...]) -> None:
        """Use different sources, and drop the decisions that applied only to the old ones."""
        self.sources, self.sheets = sources, {}
        self.reading = replace(self.reading, sheet=None, encoding=None, delimiter=None)
        if self.matching.kind == "draft":
            self.matching, self.saved = Matching(), None

    def own_file(self, name: str, text: str) -> Path:
        """A private file of the session with this text. It never changes: a different text gets a different folder."""
        path = self.folder / hashlib.sha256(text.encode()).hexdigest()[:16] / name
        if not path.exists():
            make_folder(path.parent)
            with replacing(path) as file:
                file.write(text.encode())
        return path

    @property
    def stem(self) -> str:
        """The name of a mapping of these sources, without the suffix."""
        first = Path(self.sources[0].rstrip("/")).stem if self.sources else ""
        return re.sub(r"[^\w-]", "-", first).strip("-") or "mapping"


def shown_options(session: Session) -> Options:
    """The options of the session as a command would get them; files of the session are shown by name only."""
    uploads = str(session.uploads)
    sources = [Path(one).name if one.startswith(uploads) else one for one in session.sources]

    def shown(path: Path | None, name: str) -> Path | None:
        return Path(name) if path is not None and path.is_relative_to(session.folder) else path

    corrections = session.corrections_saved or (session.corrections and Path("corrections.csv"))
    return replace(
        session.base,
        corrections=corrections,
        sources=tuple(sources),
        mapping=mapping_name(session),
        **vars(session.reading),
        values=shown(session.values, "values.csv"),
        lookups=shown(session.lookups, "lookups.json"),
        api=session.access.api,
        mode=session.access.mode,
        tenant=session.access.tenant,
        rate=session.access.rate,
    )


def mapping_name(session: Session) -> str:
    """The name or the path under which the user has the mapping, or will have it."""
    if session.matching.kind == "named":
        return session.matching.content
    return f"{session.stem}.yaml" if session.saved is None else str(session.saved[0])


def command(session: Session, name: str, *words: str) -> str:
    """The command ``importer NAME`` with ``words`` and the options that it needs."""
    return Commands.of(shown_options(session)).line(name, *words)


def suggest_command(session: Session) -> str:
    """The command ``importer suggest`` with all choices."""
    matching, words = session.matching, []
    for option, chosen in (("--answer", matching.answers), ("--target", matching.targets)):
        words += [word for one, value in chosen.items() for word in (option, f"{one}={value}")]
    words += [word for one, texts in matching.skip.items() for text in texts for word in ("--skip", f"{one}={text}")]
    words += ["--from-scratch"] if matching.from_scratch and not (matching.targets or matching.skip) else []
    return f"{command(session, 'suggest')} {shlex.join([*words, '-o', mapping_name(session)])}"
