"""Asking the API for what names are looked up in: for a run, or to keep it in a file."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio

from importer.api import Client, Limiter
from importer.errors import InterruptedRunError
from importer.ledger import open_ledger
from importer.pipeline.directory import Directory, Known, Needs, definitions, known_price_lists, known_reps
from importer.pipeline.lookups import NAMES
from importer.pipeline.prepare import utc_now
from importer.pipeline.snapshot import Snapshot, write_lookups
from importer.pipeline.targets import client_for, open_target
from importer.pipeline.watch import Watch
from importer.settings import Options
from importer.tables import ENTITIES

__all__ = ["fetch_directory", "save_lookups"]

EVERYTHING = Needs(frozenset(NAMES), frozenset(ENTITIES))


async def fetch_directory(client: Client, needs: Needs) -> Directory:
    """What names are looked up in: each list is asked for once, and only where it is needed.

    Raises :class:`ApiUnavailableError`, :class:`KeyRefusedError`.
    """
    return Directory(
        {kind: await _known(client, kind) for kind in NAMES if kind in needs.lookups},
        {entity: definitions(await client.attributes(entity)) for entity in ENTITIES if entity in needs.attributes},
    )


async def _known(client: Client, kind: str) -> tuple[Known, ...]:
    if kind == "sales_rep":
        return known_reps(await client.sales_reps())
    return known_price_lists(await client.price_lists())


def save_lookups(
    options: Options,
    environment: Mapping[str, str],
    path: Path,
    *,
    watch: Watch,
    now: Callable[[], datetime] = utc_now,
) -> dict[str, Any]:
    """Write sales reps, price lists and attribute definitions to ``path``, for its owner's eyes only.

    Comes back: what was saved, as plain values. Raises :class:`UsageError`, :class:`StopError`, :class:`OutputError`.
    """
    directories: list[Directory] = []

    async def fetch() -> None:
        limiter = Limiter(ceiling=options.rate or target.rate, max_concurrency=options.concurrency)
        try:
            async with watch.signals(), client_for(target, options, limiter) as client:
                directories.append(await fetch_directory(client, EVERYTHING))
        except InterruptedRunError as error:
            raise InterruptedRunError(error.message, "Nothing was saved.") from error

    with open_ledger(options.ledger, now=now) as ledger, open_target(options, environment, ledger.path) as target:
        anyio.run(fetch)
    snapshot = Snapshot("importer lookups 1", urlsplit(target.url).netloc, now(), directories[0])
    write_lookups(path, snapshot)
    known, attributes = snapshot.directory.known, snapshot.directory.attributes
    return {
        "file": str(path),
        "api": snapshot.api,
        **{f"{kind}s": len(known[kind]) for kind in NAMES},
        "attributes": sum(len(attributes[entity]) for entity in ENTITIES),
    }
