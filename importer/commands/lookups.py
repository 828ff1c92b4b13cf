"""``lookups save``: request everything that names are looked up in, and save it in a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio

from importer.errors import InterruptedRunError
from importer.ledger import open_ledger
from importer.settings import Options
from importer.tables import ENTITIES
from importer.workflow.directory import NAMES, Directory, Needs, Snapshot, write_lookups
from importer.workflow.supervision import Watch
from importer.workflow.targets import client_for, fetch_directory, limiter_for, open_target
from importer.workflow.timings import utc_now

EVERYTHING = Needs(frozenset(NAMES), frozenset(ENTITIES), frozenset(ENTITIES))


def save_lookups(options: Options, environment: Mapping[str, str], path: Path, *, watch: Watch) -> dict[str, Any]:
    """Write sales reps, price lists, and attribute definitions to ``path``, which only its owner can read.

    Returns what was saved, as plain values. Raises :class:`UsageError`, :class:`StopError`, :class:`OutputError`.
    """
    host, directory = ask_for_everything(options, environment, watch=watch)
    snapshot = Snapshot("importer lookups 1", host, utc_now(), directory)
    write_lookups(path, snapshot)
    return {
        "file": str(path),
        "api": snapshot.api,
        **{f"{kind}s": len(directory.known[kind]) for kind in NAMES},
        "attributes": sum(len(directory.attributes[entity]) for entity in ENTITIES),
    }


def ask_for_everything(options: Options, environment: Mapping[str, str], *, watch: Watch) -> tuple[str, Directory]:
    """The API's host, and everything that it knows by name. Raises :class:`UsageError`, :class:`StopError`."""

    async def fetch() -> Directory:
        limiter = limiter_for(target, options, watch.phase)
        try:
            async with watch.signals(), client_for(target, options, limiter) as client:
                return await fetch_directory(client, EVERYTHING)
        except InterruptedRunError as error:
            raise InterruptedRunError(error.message, "Nothing was saved.") from error

    with open_ledger(options.ledger) as ledger, open_target(options, environment, ledger.path) as target:
        return urlsplit(target.url).netloc, anyio.run(fetch)
