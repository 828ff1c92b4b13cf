"""Asking the API for what names are looked up in: for a run, or to keep it in a file."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio

from importer.api import Client
from importer.errors import ApiUnavailableError, InterruptedRunError, KeyRefusedError
from importer.ledger import open_ledger
from importer.logs import event
from importer.settings import Options
from importer.tables import ENTITIES, Entity
from importer.validation import AttributeDefinition
from importer.workflow.directory import Directory, Known, Needs, definitions, known_price_lists, known_reps
from importer.workflow.lookups_file import Snapshot, write_lookups
from importer.workflow.prepare import utc_now
from importer.workflow.resolve_lookups import NAMES
from importer.workflow.targets import client_for, limiter_for, open_target
from importer.workflow.watch import Watch

__all__ = ["fetch_directory", "save_lookups"]

EVERYTHING = Needs(frozenset(NAMES), frozenset(ENTITIES), frozenset(ENTITIES))


async def fetch_directory(client: Client, needs: Needs) -> Directory:
    """What names are looked up in: each list is asked for once, and only where it is needed.

    Raises :class:`ApiUnavailableError`, :class:`KeyRefusedError`.
    """
    known = {kind: await _known(client, kind) for kind in NAMES if kind in needs.lookups}
    attributes = {
        entity: definitions(await client.attributes(entity)) for entity in ENTITIES if entity in needs.attributes
    }
    return Directory(known, attributes | await _other_attributes(client, needs))


async def _other_attributes(client: Client, needs: Needs) -> dict[Entity, dict[str, AttributeDefinition]]:
    """The attributes of records that have none: some may be mandatory.

    A key that may not see them can still create customers, and an API that does not answer is reported where it must.
    """
    found: dict[Entity, dict[str, AttributeDefinition]] = {}
    for entity in (entity for entity in ENTITIES if entity in needs.entities - needs.attributes):
        try:
            found[entity] = definitions(await client.attributes(entity))
        except (ApiUnavailableError, KeyRefusedError) as error:
            event(logging.WARNING, "mandatory attributes not checked", entity=entity, reason=error.message)
            break
    return found


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
        limiter = limiter_for(target, options, watch.phase)
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
