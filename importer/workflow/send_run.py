"""Sending a run's bodies, and the rules of its updates: blanks, defaults, conflicts, missing customers."""

import random
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from importer.api import Client
from importer.errors import InterruptedRunError
from importer.ledger import Ledger, Run
from importer.planner import Merger
from importer.records import Severity
from importer.run_folder import PayloadFile, Stage
from importer.sender import Sender, SendOptions
from importer.sender.tasks import OnConflict
from importer.settings import Options
from importer.tables import ATTRIBUTE_PREFIX, DEFAULT_STATED, EntityTables, ProblemTable
from importer.workflow.supervision import Watch


async def send_run(
    ledger: Ledger, client: Client, run: Run, payloads: Path, merger: Merger, options: Options, watch: Watch
) -> None:
    """Send what the ledger has planned for ``run``; ``merger`` puts updates together.

    Raises :class:`StopError` when it ends early.
    """
    watch.sending = True
    try:
        await Sender(
            ledger,
            client,
            run,
            PayloadFile(payloads),
            options=SendOptions(
                concurrency=options.concurrency,
                batch_size=options.batch_size,
                settle=options.settle,
                limit=options.limit,
                max_failed=options.max_failed,
                merge=merger,
                on_conflict=on_conflict(options),
            ),
            rng=random.Random(),  # noqa: S311 - spreads retries, keeps no secret
            progress=watch.counts,
            stop=watch.stop,
        ).send()
    except InterruptedRunError as error:
        raise watch.reason(error) from None
    finally:
        watch.sending = False


def merger_for(stage: Stage) -> Merger:
    """How updates of a stage's customers are put together.

    A field is emptied by a blank in the source, not by a value there that was left out because it is wrong.
    """
    fields = {
        name: _path(name)
        for entry in stage.tables.entries
        if entry.entity == "customer"
        for name, origin in entry.fields.items()
        if origin.clears
    }
    stated = _StatedDefaults(stage.tables)
    if not fields:
        return Merger(stated_defaults=stated)
    frame = stage.problems.frame
    wrong = frame[(frame["entity"] == "customer") & frame["field"].isin(list(fields)) & (frame["customer"] >= 0)]
    names = stage.tables.customers["reference_id"].take(wrong["customer"].to_numpy()).tolist()
    spared: dict[str, frozenset[tuple[str, ...]]] = {}
    for name, field in zip(names, wrong["field"], strict=True):
        spared[name] = spared.get(name, frozenset()) | {fields[field]}
    return Merger(frozenset(fields.values()), spared, stated)


class _StatedDefaults(Mapping[str, frozenset[tuple[str, str]]]):
    """Customer's reference id -> kind and reference id of the children whose ``is_default`` the source states.

    Looked up one by one: as a dict, it would take more memory than the tables.
    """

    def __init__(self, tables: EntityTables) -> None:
        self._names = tables.customers["reference_id"]
        frames = (("addresses", tables.addresses), ("contacts", tables.contacts))
        self._frames = [(kind, frame) for kind, frame in frames if DEFAULT_STATED in frame.columns]

    @cached_property
    def _positions(self) -> "pd.Index[Any]":
        index: pd.Index[Any] = pd.Index(self._names)
        return index

    def __getitem__(self, name: str) -> frozenset[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        for position in self._positions.get_indexer_for(pd.Index([name])) if self._frames else ():
            for kind, frame in self._frames:
                first, last = np.searchsorted(frame["_customer"].to_numpy(), [position, position + 1])
                stated = frame[DEFAULT_STATED].iloc[first:last].fillna(value=False).tolist()
                children = frame["reference_id"].iloc[first:last].tolist()
                found |= {(kind, child) for child, own in zip(children, stated, strict=True) if own}
        return frozenset(found)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names.tolist())

    def __len__(self) -> int:
        return len(self._names)


def _path(name: str) -> tuple[str, ...]:
    if name.startswith(ATTRIBUTE_PREFIX):
        return ("attributes", name.removeprefix(ATTRIBUTE_PREFIX))
    return (name,)


def on_conflict(options: Options) -> OnConflict:
    """The policy for customers that were changed in WizCommerce since."""
    return cast("OnConflict", options.on_conflict)


def missing(ledger: Ledger, tenant: str, mapping: str, stage: Stage, options: Options) -> ProblemTable:
    """A warning for each customer that was sent with this mapping and is not in the sources any more.

    None where the sources are not meant to have all customers.
    """
    if options.mode != "upsert" or options.partial or options.only or options.limit is not None:
        return ProblemTable.empty()
    sent = ledger.sent_with(tenant, mapping)["reference_id"]
    there = pd.Index(stage.tables.customers["reference_id"].dropna())
    gone = sent[~sent.isin(there).to_numpy(dtype=np.bool_)]
    return ProblemTable.build(
        len(gone),
        severity=Severity.WARNING,
        code="missing_from_source",
        entity="customer",
        field="reference_id",
        value=gone.array,
        message=[f"customer {name} was sent before and is no longer in the sources" for name in gone],
        hint="Nothing is deleted. If the export is complete, check whether WizCommerce still needs the customer.",
    )
