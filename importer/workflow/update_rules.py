"""How a run updates customers: blanks, stated defaults, and customers that are no longer in the sources."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from importer.api import Client
from importer.ledger import Ledger
from importer.partitions.prepared_sources import PreparedSources
from importer.planner import Merger
from importer.records import Severity
from importer.run_folder import Stage
from importer.settings import Options
from importer.tables import ATTRIBUTE_PREFIX, DEFAULT_STATED, EntityTables, ProblemTable
from importer.workflow.targets import fetch_directory


def merger_for(stage: Stage) -> Merger:
    """How updates of a stage's customers are put together.

    A field is emptied by a blank in the source, not by a value there that was left out because it is wrong.
    """
    fields = {
        name: tuple(name.split(".", 1)) if name.startswith(ATTRIBUTE_PREFIX) else (name,)
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
        self._names = pd.Index(tables.customers["reference_id"])
        frames = (("addresses", tables.addresses), ("contacts", tables.contacts))
        self._frames = [(kind, frame) for kind, frame in frames if DEFAULT_STATED in frame.columns]

    def __getitem__(self, name: str) -> frozenset[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        for position in self._names.get_indexer_for(pd.Index([name])) if self._frames else ():
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


async def settled_stage(client: Client, ledger: Ledger, tenant: str, work: PreparedSources) -> Stage:
    """Look names up in the API, validate, and warn about customers that are no longer in the sources."""
    with work.timings.stage("lookups"):
        directory = await fetch_directory(client, work.needs())
    stage = work.settled(directory)
    gone = _missing(ledger, tenant, work.loaded.name, stage, work.options)
    return replace(stage, problems=ProblemTable.concat([stage.problems, gone]))


def _missing(ledger: Ledger, tenant: str, mapping: str, stage: Stage, options: Options) -> ProblemTable:
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
