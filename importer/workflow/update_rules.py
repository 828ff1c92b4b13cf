"""How a run updates customers: blanks, stated defaults, and customers that are no longer in the sources."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from importer.planner import Merger
from importer.run_folder import Stage
from importer.tables import ATTRIBUTE_PREFIX, DEFAULT_STATED, EntityTables


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
