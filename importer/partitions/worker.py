"""The work on one partition: two functions, which read and write files in the scratch folder."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from importer.mapping.apply import build
from importer.mapping.language.mapping_files import LoadedMapping
from importer.partitions.cell_accounts import CellRules, account_cells
from importer.partitions.partition import CustomerShare, Partition, share_assignment
from importer.partitions.scratch import new_file, release_memory, write_array
from importer.payload import write_payloads
from importer.records import Severity
from importer.report.word_counts import WordCounts, word_counts
from importer.tables import ENTITIES, FORMER_ID, TEXT, Entity, EntityTables, Entry, Mask, ProblemTable, Sources
from importer.validation.attributes import check_attributes, defined_columns, used_attributes
from importer.validation.contract import validate
from importer.validation.policies import Validated, apply_policies, complete_defaults
from importer.validation.record_comparisons import (
    SharedFindings,
    company_addresses,
    fingerprints,
    normalized_ids,
    text_column,
)
from importer.validation.word_problems import ONE_PER_WORD
from importer.workflow.directory import Directory
from importer.workflow.resolve_lookups import NameCounts, looked_up_names, pending_lookups, resolve_lookups

Columns = Mapping[Entity, Mapping[str, Any]]  # entity → column → type


@dataclass(frozen=True)
class Mapped:
    """The result of mapping a partition, besides its files: ``counts`` of records, ``columns`` of their frames.

    ``changes`` have row positions among all sources. ``names``: the names to look up. ``attributes``: the entities that
    have attributes.
    """

    counts: Mapping[Entity, int]
    columns: Columns
    entries: tuple[Entry, ...]
    changes: pd.DataFrame
    names: NameCounts
    attributes: tuple[Entity, ...]


def map_part(partition: Partition, loaded: LoadedMapping, country: str | None) -> Mapped:
    """Map the rows of a partition. The frames that are written have row positions within the partition."""
    share = partition.share
    sources = partition.sources(share.rows)
    tables, problems, cells = build(loaded, share_assignment(share, loaded.mapping, sources), sources, country=country)
    for entity in ENTITIES:
        frame = tables.frame(entity)
        partition.write(f"{entity}.mapped", frame)
        write_array(partition.path(f"{entity}.ids"), fingerprints(normalized_ids(text_column(frame, "reference_id"))))
    partition.write("problems.mapped", problems.frame)
    partition.dump("cells", cells)
    partition.write("companies", company_addresses(tables))
    partition.write("field-rows", pd.DataFrame(dict(tables.customer_field_rows)))
    mapped = Mapped(
        {entity: len(tables.frame(entity)) for entity in ENTITIES},
        {
            entity: {
                str(name): kind for name, kind in tables.frame(entity).dtypes.items() if not str(name).startswith("_")
            }
            for entity in ENTITIES
        },
        tables.entries,
        tables.changes.assign(row=share.rows[tables.changes["row"].to_numpy()]),
        looked_up_names(tables),
        tuple(used_attributes(tables)),
    )
    release_memory()  # so that the next partition starts with little in use
    return mapped


@dataclass(frozen=True)
class ValidationPolicy:
    """The options and parts of the mapping that decide what counts as a problem, and what effect it has.

    ``possible_duplicates``: their severity; None: not reported. ``directory``: the API's lists; without it, names to
    look up and attributes are not checked.
    """

    contact_email_required: bool
    severities: Mapping[str, Severity]
    possible_duplicates: Severity | None
    directory: Directory | None


@dataclass(frozen=True)
class Shared:
    """The results of comparing all customers, for one partition.

    ``findings``: the argument ``shared`` of :func:`importer.validation.validate`. ``names``: the names to look up that
    no earlier partition has, and how many customers have each.
    """

    findings: SharedFindings
    names: NameCounts


@dataclass(frozen=True)
class Finished:
    """The result of finishing a partition, besides its files: masks by customer, and ``counts`` of the final records.

    ``cells``: as ``EntityTables.cells``.
    """

    rejected: Mask
    lost_child: Mask
    counts: Mapping[Entity, int]
    words: WordCounts
    cells: pd.DataFrame


def finish_part(
    partition: Partition,
    policy: ValidationPolicy,
    shared: Shared,
    entries: tuple[Entry, ...],
    columns: Columns,
    rules: CellRules,
    kept: frozenset[str],
    hashed: bool,
) -> Finished:
    """Validate the records of a partition and write the bodies of those that are not rejected.

    ``entries`` and ``columns``: those of all partitions together. ``rules``: for counting cells. ``kept``: see
    :func:`with_former_ids`. ``hashed``: whether the bodies' hashes are needed.
    """
    share = partition.share
    sources = partition.sources(share.rows)
    rows = pd.DataFrame({"customer": share.customers})
    field_rows = {str(name): own.to_numpy() for name, own in partition.read("field-rows").items()}
    customers, addresses, contacts = (_completed(partition, entity, columns) for entity in ENTITIES)
    tables = with_former_ids(EntityTables(customers, addresses, contacts, entries, rows, field_rows), kept)
    validated = validate_records(policy, tables, sources, ProblemTable(partition.read("problems.mapped")), shared)
    # The parent reports once for all partitions that attributes cannot be checked.
    known = validated.problems.frame[(validated.problems.frame["code"] != "attributes_unchecked").to_numpy(np.bool_)]
    rejected = validated.rejected[share.customers]
    of_cells = known[~known["code"].isin(ONE_PER_WORD).to_numpy(np.bool_)]
    cells, lost = account_cells(
        partition.restore("cells"), rules, validated.tables, validated.moved, sources, rejected, of_cells
    )
    problems = ProblemTable.concat([ProblemTable(known), lost]).frame.reset_index(drop=True)
    partition.write("problems.final", _among_all(problems, share))
    for entity in ENTITIES:
        partition.write(f"{entity}.final", _among_all(validated.tables.frame(entity), share))
    keep, open_lookups = ~validated.rejected, policy.directory is None
    with new_file(partition.path("payloads")) as file:
        bodies = write_payloads(validated.tables, keep, file, unresolved_lookups=open_lookups, hashed=hashed)
    partition.write("bodies", bodies)
    counts: dict[Entity, int] = {entity: len(validated.tables.frame(entity)) for entity in ENTITIES}
    words = word_counts(sources, validated.tables, validated.problems.frame)
    finished = Finished(validated.rejected, validated.lost_child, counts, words, cells)
    release_memory()
    return finished


def with_former_ids(tables: EntityTables, kept: frozenset[str]) -> EntityTables:
    """Restore the IDs that earlier versions made, for customers whose ID is in ``kept`` and for their children.

    The column ``_former_id`` is removed from the frames.
    """
    frame = tables.customers
    former = frame[FORMER_ID] if FORMER_ID in frame else pd.Series([None] * len(frame), dtype=TEXT)
    keep = (former.isin(kept) | frame["reference_id"].isin(kept)).to_numpy(np.bool_)
    return replace(
        tables,
        customers=_with_former(frame, keep),
        addresses=_with_former(tables.addresses, keep[tables.addresses["_customer"].to_numpy()]),
        contacts=_with_former(tables.contacts, keep[tables.contacts["_customer"].to_numpy()]),
    )


def _with_former(frame: pd.DataFrame, keep: Mask) -> pd.DataFrame:
    if FORMER_ID not in frame:
        return frame
    former = frame.pop(FORMER_ID)
    return frame.assign(reference_id=frame["reference_id"].mask(keep & former.notna().to_numpy(np.bool_), former))


def validate_records(
    policy: ValidationPolicy, tables: EntityTables, sources: Sources, problems: ProblemTable, shared: Shared
) -> Validated:
    """Look up names, validate, and decide the effect of every problem. ``problems``: those found while mapping."""
    definitions = {} if policy.directory is None else policy.directory.attributes
    if policy.directory is None:
        looked_up = pending_lookups(tables, shared.names)
    else:
        tables, unresolved = resolve_lookups(tables, sources, policy.directory, shared.names)
        tables, attributes = check_attributes(tables, sources, definitions)
        looked_up = ProblemTable.concat([unresolved, attributes])
    checked = validate(
        tables,
        sources,
        shared.findings,
        contact_email_required=policy.contact_email_required,
        resolved_lookups=policy.directory is not None,
        possible_duplicates=policy.possible_duplicates,
        unlimited=defined_columns(definitions, lambda definition: definition.unlimited),
    )
    validated = apply_policies(
        tables,
        ProblemTable.concat([problems, looked_up, checked]),
        contact_email_required=policy.contact_email_required,
        mandatory=defined_columns(definitions, lambda definition: definition.mandatory),
        severities=policy.severities,
    )
    return replace(validated, tables=complete_defaults(validated.tables))


def _completed(partition: Partition, entity: Entity, columns: Columns) -> pd.DataFrame:
    """A frame with all columns that it has in any partition; columns that this partition lacks are null."""
    frame = partition.read(f"{entity}.mapped")
    count = len(frame)
    data = {
        name: frame[name] if name in frame else pd.Series([None] * count, dtype=kind)
        for name, kind in columns[entity].items()
    }
    own = {name: frame[name] for name in frame.columns if name.startswith("_")}
    return pd.DataFrame({**data, **own}, index=pd.RangeIndex(count))


def _among_all(frame: pd.DataFrame, share: CustomerShare) -> pd.DataFrame:
    """Records or problems, with their row and customer positions turned into those among all; -1 stays -1."""
    rows, first = np.append(share.rows, -1), share.first
    for name in frame.columns.intersection(["_row", "row"]):
        frame = frame.assign(**{name: rows[frame[name].to_numpy()]})
    for name in frame.columns.intersection(["_customer", "customer"]):
        own = frame[name].to_numpy()
        frame = frame.assign(**{name: np.where(own < 0, -1, own + first)})
    return frame
