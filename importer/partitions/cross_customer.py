"""What is compared across all customers: ids that occur twice, possible duplicates, names to look up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from importer.partitions.partition import Partition
from importer.partitions.scratch import read_array
from importer.partitions.worker import Mapped, Shared
from importer.tables import ENTITIES, Entity, Positions, Sources, arrow
from importer.validation.field_places import row_texts
from importer.validation.record_comparisons import OtherRecords, find_duplicates, repeated, same_ids
from importer.workflow.resolve_lookups import NameCounts

Findings = list[dict[tuple[str, Entity], OtherRecords]]  # by partition


def shared_by_all(
    partitions: Sequence[Partition], mapped: Sequence[Mapped], sources: Sources, *, duplicates: bool
) -> list[Shared]:
    """For each partition what its records share with those of all others; ``duplicates``: the possible ones as well."""
    findings: Findings = [{} for _ in partitions]
    for entity in ENTITIES:
        records = _Records(partitions, [one.counts[entity] for one in mapped], entity, sources)
        records.find_same_ids(findings)
        if duplicates and entity == "customer":
            records.find_duplicates(findings)
    return [Shared(own, names) for own, names in zip(findings, _first_names(mapped), strict=True)]


@dataclass(frozen=True)
class _Records:
    """The records of an entity in all partitions, by their position among all; ``counts``: by partition."""

    partitions: Sequence[Partition]
    counts: Sequence[int]
    entity: Entity
    sources: Sources

    def find_same_ids(self, findings: Findings) -> None:
        """Add the reference ids that are the same, or the same but for their case."""
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
        """The reference ids of some records, and their places (``file:row``)."""
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
    """For each partition the names that no earlier one has, and how many customers have each in all."""
    totals: dict[str, dict[str, int]] = {}
    for one in mapped:
        for field, names in one.names.items():
            known = totals.setdefault(field, {})
            for name, count in names.items():
                known[name] = known.get(name, 0) + count
    # A name is reported where it occurs first: its total goes to that partition.
    return [
        {
            field: {name: totals[field].pop(name) for name in names if name in totals[field]}
            for field, names in one.names.items()
        }
        for one in mapped
    ]
