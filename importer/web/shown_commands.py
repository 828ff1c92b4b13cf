"""The command line's equivalent of what the page does, for each page to show."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from importer.settings import Commands, Options
from importer.web.session_state import Session


def shown_options(session: Session) -> Options:
    """The options of the session as a command would get them: dropped files by their names only."""
    uploads = str(session.uploads)
    sources = [Path(one).name if one.startswith(uploads) else one for one in session.sources]
    values = session.values
    if values is not None and values.is_relative_to(session.folder):
        values = Path("values.csv")
    lookups = session.lookups
    if lookups is not None and lookups.is_relative_to(session.folder):
        lookups = Path("lookups.json")
    corrections = session.corrections_saved or (session.corrections and Path("corrections.csv"))
    return replace(
        session.base,
        corrections=corrections,
        sources=tuple(sources),
        mapping=mapping_name(session),
        **vars(session.reading),
        values=values,
        lookups=lookups,
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
    """``importer NAME`` with ``words`` and the options that it needs."""
    return Commands.of(shown_options(session)).line(name, *words)


def suggest_command(session: Session) -> str:
    """``importer suggest`` with all choices."""
    matching, words = session.matching, []
    for option, chosen in (("--answer", matching.answers), ("--target", matching.targets)):
        words += [word for one, value in chosen.items() for word in (option, f"{one}={value}")]
    words += [word for one, texts in matching.skip.items() for text in texts for word in ("--skip", f"{one}={text}")]
    words += ["--from-scratch"] if matching.from_scratch and not (matching.targets or matching.skip) else []
    return command_with(command(session, "suggest"), [*words, "-o", mapping_name(session)])


def command_with(line: str, words: Sequence[str]) -> str:
    return f"{line} {shlex.join(words)}" if words else line
