"""Work across all partitions: merging their frames, and finding what customers in different partitions share.

Texts stay in their files; positions count over all partitions.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from importer.mapping.apply import in_api_order
from importer.partitions.partition import Partition
from importer.partitions.scratch import read_array, read_frame
from importer.partitions.worker import Columns, Mapped, Shared
from importer.tables import CHANGE_DTYPES, ENTITIES, Entity, Entry, FieldOrigin, Positions, Sources, arrow
from importer.validation.field_places import row_texts
from importer.validation.record_comparisons import OtherRecords, find_duplicates, repeated, same_ids
from importer.workflow.resolve_lookups import NameCounts

Ordering = Mapping[int, Mapping[str, Sequence[str]]]
Findings = list[dict[tuple[str, Entity], OtherRecords]]  # by partition
_KEY = ["code", "entity", "field", "table", "column"]


def merged_columns(mapped: Sequence[Mapped]) -> Columns:
    """For each entity, the columns that its frame has in any partition, in their final order, with their types."""
    found = {}
    for entity in ENTITIES:
        kinds = {name: kind for one in mapped for name, kind in one.columns[entity].items()}
        found[entity] = {name: kinds[name] for name in in_api_order(entity, kinds)}
    return found


def merged_entries(mapped: Sequence[Mapped], orders: Ordering) -> tuple[Entry, ...]:
    """The entries, with all fields and columns that they have in any partition.

    ``orders``: number of an entry → field → the order of its columns, if some partitions do not know all of them.
    """
    by_entry = zip(*(one.entries for one in mapped), strict=True)
    return tuple(_merged_entry(own, orders.get(number, {})) for number, own in enumerate(by_entry))


def _merged_entry(entries: Sequence[Entry], orders: Mapping[str, Sequence[str]]) -> Entry:
    names = dict.fromkeys(name for entry in entries for name in entry.fields)
    busy = {name: [e.fields[name] for e in entries if name in e.fields and name not in e.idle] for name in names}
    idle = {name: [e.fields[name] for e in entries if name in e.fields] for name in names if not busy[name]}
    fields = {name: _merged_origin((busy | idle)[name], orders.get(name, ())) for name in names}
    return replace(entries[0], fields=fields, idle=tuple(name for name in entries[0].idle if name in idle))


def _merged_origin(origins: Sequence[FieldOrigin], order: Sequence[str]) -> FieldOrigin:
    if all(origin == origins[0] for origin in origins):
        return origins[0]
    columns = dict.fromkeys(column for origin in origins for column in origin.columns)
    ordered = [column for column in order if column in columns]
    return replace(origins[0], columns=tuple(dict.fromkeys((*ordered, *columns))))


def merged_field_rows(partitions: Sequence[Partition]) -> dict[str, Positions]:
    """The rows of customer fields that do not always come from the first row, by position among all rows."""
    known = [partition.read("field-rows") for partition in partitions]
    found: dict[str, list[Positions]] = {str(name): [] for own in known for name in own.columns}
    for partition, own in zip(partitions if found else (), known, strict=False):
        rows, first_rows = partition.share.rows, partition.read("customer.mapped")["_row"]
        for name, positions in found.items():
            positions.append(rows[own.get(name, first_rows).to_numpy()])
    return {name: np.concatenate(positions) for name, positions in found.items()}


def merged_frame(partitions: Sequence[Partition], name: str) -> pd.DataFrame:
    """A frame with the lines of all partitions."""
    return pd.concat([read_frame(one.path(name), numbers=False) for one in partitions], ignore_index=True)


def merged_problems(partitions: Sequence[Partition], counts: Sequence[Mapping[Entity, int]]) -> pd.DataFrame:
    """The final problems of all partitions, in their order. ``counts``: the number of records in each partition."""
    frames = []
    before = dict.fromkeys(ENTITIES, 0)
    for partition, own in zip(partitions, counts, strict=True):
        frame = partition.read("problems.final")
        records = frame["record"].to_numpy()
        shift = frame["entity"].map(before).fillna(0).to_numpy(np.int64)
        frames.append(frame.assign(record=np.where(records < 0, -1, records + shift)))
        before = {entity: before[entity] + own[entity] for entity in ENTITIES}
    return pd.concat(frames, ignore_index=True)


def merged_bodies(partitions: Sequence[Partition]) -> pd.DataFrame:
    """The place of each body in the file with the bodies of all partitions."""
    frames, start = [], 0
    for partition in partitions:
        frame = partition.read("bodies")
        frames.append(frame.assign(position=frame["position"] + partition.first, offset=frame["offset"] + start))
        start += partition.path("payloads").stat().st_size
    return pd.concat(frames, ignore_index=True)


def merged_changes(frames: Iterable[pd.DataFrame], sources: Sources) -> pd.DataFrame:
    """One line for each source table, column, field, and kind of change, in the order of their first cells."""
    lines = pd.concat(list(frames), ignore_index=True)
    lines["table"] = sources.split(lines["row"].to_numpy())[0]
    lines = lines.sort_values("row", kind="stable", ignore_index=True)
    lines["count"] = lines.groupby(_KEY, sort=False, dropna=False)["count"].transform("sum")
    lines = lines[~lines.duplicated(_KEY).to_numpy()]
    lines = lines.sort_values(["row", *_KEY], ignore_index=True)
    return lines[list(CHANGE_DTYPES)].astype(CHANGE_DTYPES)


def shared_by_all(
    partitions: Sequence[Partition], mapped: Sequence[Mapped], sources: Sources, *, duplicates: bool
) -> list[Shared]:
    """For each partition, what its records share with all others. ``duplicates``: also find possible duplicates."""
    findings: Findings = [{} for _ in partitions]
    for entity in ENTITIES:
        records = _Records(partitions, [one.counts[entity] for one in mapped], entity, sources)
        records.find_same_ids(findings)
        if duplicates and entity == "customer":
            records.find_duplicates(findings)
    return [Shared(own, names) for own, names in zip(findings, _first_names(mapped), strict=True)]


@dataclass(frozen=True)
class _Records:
    """The records of an entity in all partitions, by their position among all. ``counts``: records per partition."""

    partitions: Sequence[Partition]
    counts: Sequence[int]
    entity: Entity
    sources: Sources

    def find_same_ids(self, findings: Findings) -> None:
        """Add the records whose reference IDs are the same, or differ only in case."""
        prints = [read_array(partition.path(f"{self.entity}.ids"), np.uint64) for partition in self.partitions]
        at = np.flatnonzero(repeated(np.concatenate(prints)))
        if len(at):
            for code, others in same_ids(self._ids_and_places(at)[0]).items():
                has = others >= 0
                self._add(findings, code, at[has], at[others[has]])

    def find_duplicates(self, findings: Findings) -> None:
        """Add the customers that are possible duplicates of earlier ones."""
        frames = []
        for partition in self.partitions:
            frame = partition.read("companies")
            frames.append(frame.assign(customer=frame["customer"] + partition.first))
        earlier = find_duplicates(pd.concat(frames, ignore_index=True), sum(self.counts))
        records = np.flatnonzero(earlier >= 0)
        self._add(findings, "customer_alike", records, earlier[records])

    def _add(self, findings: Findings, code: str, records: Positions, others: Positions) -> None:
        if not len(records):
            return
        ids, places = self._ids_and_places(others)
        for number, at, local in self._by_partition(records):
            chosen = pa.array(at)
            findings[number][code, self.entity] = OtherRecords(local, places.take(chosen), ids.take(chosen))

    def _ids_and_places(self, records: Positions) -> tuple[pa.Array, pa.Array]:
        """The reference IDs of some records, and their places (``file:row``)."""
        ids, rows, order = [], np.empty(len(records), np.int64), []
        for number, at, local in self._by_partition(records):
            frame = self.partitions[number].read(f"{self.entity}.mapped")
            ids.append(arrow(frame["reference_id"]).take(pa.array(local)))
            rows[at] = self.partitions[number].share.rows[frame["_row"].to_numpy()[local]]
            order.append(at)
        back = np.argsort(np.concatenate(order))
        return pa.concat_arrays(ids).take(pa.array(back)), row_texts(self.sources, rows)

    def _by_partition(self, records: Positions) -> Iterator[tuple[int, Positions, Positions]]:
        """(partition, places in ``records``, positions in the partition), for each partition that has any of them."""
        starts = np.cumsum([0, *self.counts])
        owner = np.searchsorted(starts, records, side="right") - 1
        for number in np.unique(owner).tolist():
            at = np.flatnonzero(owner == number)
            yield number, at, records[at] - starts[number]


def _first_names(mapped: Sequence[Mapped]) -> list[NameCounts]:
    """For each partition, the names that no earlier partition has, with the total number of customers for each."""
    totals: dict[str, Counter[str]] = defaultdict(Counter)
    for one in mapped:
        for field, names in one.names.items():
            totals[field].update(names)
    # A name is reported at its first occurrence, so its total goes to that partition.
    return [
        {
            field: {name: totals[field].pop(name) for name in names if name in totals[field]}
            for field, names in one.names.items()
        }
        for one in mapped
    ]
