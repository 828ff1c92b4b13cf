"""Check the three tables against everything in the API's contract."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.records import Severity
from importer.tables import ATTRIBUTE_PREFIX, ENTITIES, FIELDS, Entity, EntityTables, ProblemTable, Sources
from importer.validation.describe import Finding, describe
from importer.validation.record_comparisons import SharedFindings, relation_findings, text_column
from importer.validation.schemas import REQUIRED, failures


def validate(
    tables: EntityTables,
    sources: Sources,
    shared: SharedFindings = MappingProxyType({}),
    *,
    contact_email_required: bool = False,
    resolved_lookups: bool = True,
    possible_duplicates: Severity | None = None,
    unlimited: Mapping[Entity, AbstractSet[str]] = MappingProxyType({}),
) -> ProblemTable:
    """Every breach of the API's contract with its place, in the order of the source rows.

    ``shared``: the results of comparing all customers: IDs that occur twice, and possible duplicates.
    ``contact_email_required`` makes a contact without an email address an error instead of a warning. Without
    ``resolved_lookups``, the IDs of sales reps and price lists are not checked if their field has a lookup, because
    they are still the source's words. ``possible_duplicates``: their severity; None: not reported. ``unlimited``:
    entity → the columns of attributes that may be longer than 255 characters.
    """
    findings = [
        finding
        for finding in _findings(tables, contact_email_required, resolved_lookups)
        if finding.code != "too_long" or finding.field not in unlimited.get(finding.entity, ())
    ]
    findings += relation_findings(tables, sources, shared)
    alike = shared.get(("customer_alike", "customer"))
    if possible_duplicates is not None and alike is not None:
        names = text_column(tables.customers, "company_name").take(pa.array(alike.records))
        same_place = possible_duplicates, alike.places, alike.values
        findings.append(Finding("customer_alike", "customer", "company_name", alike.records, names, *same_place))
    found = [describe(finding, tables, sources) for finding in findings if len(finding.records)]
    frame = ProblemTable.concat(found).frame
    return ProblemTable(frame.iloc[np.argsort(frame["row"].to_numpy(), kind="stable")].reset_index(drop=True))


def _findings(tables: EntityTables, contact_email_required: bool, resolved_lookups: bool) -> Iterator[Finding]:
    for entity in ENTITIES:
        frame = tables.frame(entity)
        attributes = [name for name in frame.columns if name.startswith(ATTRIBUTE_PREFIX)]
        for field in (*FIELDS[entity], *attributes):
            if field == "is_default" or (field not in frame.columns and field not in REQUIRED[entity]):
                continue
            for finding in _field_findings(entity, field, text_column(frame, field)):
                unresolved = finding.code == "invalid_uuid" and not resolved_lookups
                yield _without_lookups(tables, finding) if unresolved else finding
    records = np.flatnonzero(text_column(tables.contacts, "email").is_null())
    severity = Severity.ERROR if contact_email_required else Severity.WARNING
    values = pa.nulls(len(records), pa.string())
    yield Finding("contact_without_email", "contact", "email", records, values, severity)


def _field_findings(entity: Entity, field: str, texts: pa.Array) -> Iterator[Finding]:
    """The findings for a field: its distinct values are checked, and then their records are found."""
    parents = np.arange(len(texts), dtype=np.int64)
    if pa.types.is_list(texts.type):
        parents = pc.list_parent_indices(texts).to_numpy().astype(np.int64)
        texts = pc.list_flatten(texts)
    encoded = pc.dictionary_encode(texts, null_encoding="encode")
    for code, positions in failures(entity, field, encoded.dictionary).items():
        items = np.flatnonzero(np.isin(encoded.indices.to_numpy(), positions))
        records, first = np.unique(parents[items], return_index=True)
        yield Finding(code, entity, field, records, texts.take(pa.array(items[first])))


def _without_lookups(tables: EntityTables, finding: Finding) -> Finding:
    """The finding without records whose entry looks up the field's value."""
    origins = [entry.fields.get(finding.field) for entry in tables.entries]
    looked_up = np.array([origin is not None and origin.lookup is not None for origin in origins])
    stays = ~looked_up[tables.frame(finding.entity)["_entry"].to_numpy()[finding.records]]
    return replace(finding, records=finding.records[stays], values=finding.values.filter(pa.array(stays)))
