"""From problems to decisions: which values are left out, which children are dropped, which customers are rejected."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.catalogue import CODES
from importer.records import Severity
from importer.tables import (
    BOOLEAN,
    DEFAULT_STATED,
    ENTITIES,
    SERVES_BOTH,
    TEXT,
    Entity,
    EntityTables,
    Mask,
    Positions,
    ProblemTable,
    arrow,
)
from importer.validation.schemas import REQUIRED

_BY_COUNTRY = frozenset({"state_unknown", "state_zip_mismatch", "zip_doubtful", "zip_country_mismatch"})
# As warnings, these leave nothing out: the first row's value counts, or there is none.
_VALUE_STAYS = frozenset({"customer_conflict", "attribute_missing"})
_NO_VALUE = frozenset({"contact_without_email", "attribute_missing"})  # there is no cell to leave out


@dataclass(frozen=True)
class Validated:
    """The tables and problems after the mapping's policies were applied.

    ``tables``: cells that were left out are null, and dropped children are gone; customers keep their positions.
    ``rejected`` and ``lost_child``: a Boolean for each customer position. ``problems``: the final ones; ``record`` is a
    position in the new frames, or -1 for a dropped child. ``moved``: for each original record, its position in the new
    frame, or -1 for a dropped child.
    """

    tables: EntityTables
    rejected: Mask
    lost_child: Mask
    problems: ProblemTable
    moved: Mapping[Entity, Positions]


def apply_policies(
    tables: EntityTables,
    problems: ProblemTable,
    *,
    contact_email_required: bool = False,
    mandatory: Mapping[Entity, AbstractSet[str]] | None = None,
    severities: Mapping[str, Severity] | None = None,
) -> Validated:
    """Apply ``invalid: blank`` and ``on_error: drop_child`` to the errors; the others reject their customers.

    A wrong value in a ``mandatory`` column of an entity cannot be left out, nor, with ``contact_email_required``, a
    contact's email address. A problem of a row alone (no customer, no record) stays unchanged. An error that only
    repeats an earlier one of the same cell is removed, and so are doubts based on a country that is itself wrong.
    ``severities``: code → its severity instead of the catalogue's. A value whose error becomes less severe is left
    out; if it cannot be, because it is required, the error stays.
    """
    frame, eased = _with_severities(_without_repeats(problems.frame), severities or {})
    errors = (frame["severity"] == str(Severity.ERROR)).to_numpy(dtype=np.bool_)
    fixed = {entity: REQUIRED[entity] | (mandatory or {}).get(entity, frozenset()) for entity in ENTITIES}
    if contact_email_required:
        fixed["contact"] |= {"email"}
    blanked, dropped = np.zeros_like(errors), np.zeros_like(errors)
    customer = frame["customer"].to_numpy().copy()
    changed: dict[Entity, pd.DataFrame] = {}
    places: dict[Entity, Positions] = {}
    moved = frame["record"].to_numpy().copy()
    for entity in ENTITIES:
        about = np.flatnonzero((frame["entity"] == entity).fillna(False).to_numpy(dtype=np.bool_) & (moved >= 0))
        part, records = frame.iloc[about], moved[about]
        customer[about] = records if entity == "customer" else tables.frame(entity)["_customer"].to_numpy()[records]
        left_out = eased.is_valid().to_numpy(zero_copy_only=False)[about]
        can_blank, can_drop = _policies(tables, entity, part, fixed[entity], left_out)
        blanked[about] = can_blank & errors[about]
        dropped[about] = can_drop & errors[about] & ~can_blank
        new = _blank_cells(tables.frame(entity), part[blanked[about]])
        changed[entity], places[entity] = _drop_records(new, records[dropped[about]])
        moved[about] = places[entity][records]
    rejects = errors & ~blanked & ~dropped & (customer >= 0)
    count = len(tables.customers)
    reported = _reworded(frame.assign(customer=customer, record=moved), blanked, dropped, eased)
    reported = reported[~_based_on_wrong_country(frame, rejects)]
    return Validated(
        tables=replace(
            tables, customers=changed["customer"], addresses=changed["address"], contacts=changed["contact"]
        ),
        rejected=_marked(count, customer[rejects]),
        lost_child=_marked(count, customer[dropped]),
        problems=ProblemTable(reported[~_repeated(reported)].reset_index(drop=True)),
        moved=places,
    )


def _repeated(frame: pd.DataFrame) -> Mask:
    """True for repeated lines about an invalid cell, which may be in both a billing and a shipping address."""
    again = frame.duplicated(["row", "customer", "severity", "code", "field", "column"])
    mask: Mask = (again & (frame["row"] >= 0) & frame["column"].notna()).to_numpy()
    return mask


def _without_repeats(frame: pd.DataFrame) -> pd.DataFrame:
    """The problems without those that a different problem of the same cell explains.

    A cell with an earlier error arrives as null or as the source's text, so "blank" or "not a UUID" only repeats it.
    An error about a contact's missing email address stays: it decides what happens if an invalid one is left out.
    """
    about = ((frame["record"] >= 0) & frame["entity"].notna() & frame["field"].notna()).to_numpy(dtype=np.bool_)
    cell = frame.groupby(["record", "entity", "field"], sort=False, dropna=False).ngroup().to_numpy()
    errors = (frame["severity"] == str(Severity.ERROR)).to_numpy(dtype=np.bool_)
    repeats = about & _has_code(frame, {"required", "invalid_uuid", "attribute_missing"})
    repeats |= about & ~errors & _has_code(frame, {"contact_without_email"})
    repeats[repeats] = np.isin(cell[repeats], cell[errors & ~repeats & about])
    return frame[~repeats].reset_index(drop=True)


def _based_on_wrong_country(frame: pd.DataFrame, rejects: Mask) -> Mask:
    """True for doubts about the state or postal code of an address that is rejected because its country is invalid."""
    lost, doubts = _has_code(frame, {"invalid_country"}) & rejects, _has_code(frame, _BY_COUNTRY)
    doubts[doubts] = np.isin(frame["record"].to_numpy()[doubts], frame["record"].to_numpy()[lost])
    return doubts


def _with_severities(frame: pd.DataFrame, severities: Mapping[str, Severity]) -> tuple[pd.DataFrame, pa.Array]:
    """The problems with the mapping's severities, and each error's severity if its value is left out (or null).

    A severity that already differs from the catalogue's stays (a warning, because a different value was used).
    """
    code, codes = pd.factorize(frame["code"])
    own = pa.array([str(severities[name]) if name in severities else None for name in codes], pa.string())
    usual = pa.array([str(CODES[name].severity) if name in CODES else None for name in codes], pa.string())
    numbers = pa.array(code, mask=code < 0)
    severity = arrow(frame["severity"])
    wanted = pc.if_else(pc.equal(severity, usual.take(numbers)), own.take(numbers), pa.scalar(None, pa.string()))
    left_out = pc.and_(pc.equal(severity, str(Severity.ERROR)), pa.array(~_has_code(frame, _VALUE_STAYS)))
    eased = pc.if_else(pc.and_(left_out, pc.not_equal(wanted, str(Severity.ERROR))), wanted, None)
    at_once = pc.coalesce(pc.if_else(left_out, pa.scalar(None, pa.string()), wanted), severity)
    return frame.assign(severity=pd.Series(at_once, dtype=TEXT)), eased


def _policies(
    tables: EntityTables, entity: Entity, part: pd.DataFrame, fixed: AbstractSet[str], left_out: Mask
) -> tuple[Mask, Mask]:
    """For each problem: whether its cell may be left out (``left_out``: its code allows it) or its record dropped."""
    field, names = pd.factorize(part["field"])
    optional = np.array([*(name not in fixed for name in names), False])
    optional = optional[field] & ~_has_code(part, _NO_VALUE)
    entry = tables.frame(entity)["_entry"].to_numpy()[part["record"].to_numpy()]
    blank = np.zeros((len(tables.entries), len(names) + 1), dtype=np.bool_)
    for number, item in enumerate(tables.entries):
        blank[number, :-1] = [name in item.fields and item.fields[name].blank_when_invalid for name in names]
    drop = np.zeros_like(blank)
    for number, item in enumerate(tables.entries if entity != "customer" else ()):
        drop[number, :-1] = [item.drop_when_wrong or name in item.taken_apart for name in names]
        drop[number, -1] = item.drop_when_wrong
    return (blank[entry, field] | left_out) & optional, drop[entry, field]


def _blank_cells(frame: pd.DataFrame, blanked: pd.DataFrame) -> pd.DataFrame:
    new: dict[str, pd.Series[Any]] = {}
    for field, part in blanked.groupby("field", sort=False):
        if field in frame.columns:
            keep = np.ones(len(frame), dtype=np.bool_)
            keep[part["record"].to_numpy()] = False
            new[str(field)] = frame[str(field)].where(keep)
    return frame.assign(**new) if new else frame


def _drop_records(frame: pd.DataFrame, records: Positions) -> tuple[pd.DataFrame, Positions]:
    """The frame without these records, and old position → new position (-1 for those that are gone)."""
    keep = ~_marked(len(frame), records)
    positions = np.where(keep, np.cumsum(keep) - 1, -1)
    return (frame if keep.all() else frame[keep].reset_index(drop=True)), positions


def _reworded(frame: pd.DataFrame, blanked: Mask, dropped: Mask, eased: pa.Array) -> pd.DataFrame:
    """The problems. If a value or record was left out, the message says so; the severity is a warning, or ``eased``."""
    entity = arrow(frame["entity"])
    notes = pc.if_else(pa.array(dropped), pc.binary_join_element_wise("; the ", entity, " is left out", ""), "")
    notes = pc.if_else(pa.array(blanked), "; the value is left out", pc.fill_null(notes, ""))
    milder = pc.if_else(pa.array(blanked), pc.fill_null(eased, str(Severity.WARNING)), str(Severity.WARNING))
    severity = pc.if_else(pa.array(blanked | dropped), milder, arrow(frame["severity"]))
    message = pc.binary_join_element_wise(arrow(frame["message"]), notes, "")
    columns = {"severity": severity, "message": message}
    return frame.assign(**{name: pd.Series(data, dtype=TEXT) for name, data in columns.items()})


def _marked(count: int, positions: Positions) -> Mask:
    out = np.zeros(count, dtype=np.bool_)
    out[positions] = True
    return out


def _has_code(frame: pd.DataFrame, codes: AbstractSet[str]) -> Mask:
    return frame["code"].isin(codes).to_numpy(dtype=np.bool_, copy=True)


def complete_defaults(tables: EntityTables) -> EntityTables:
    """New tables in which ``is_default`` is never null. A value from the source or the mapping stays, true or false.

    If a customer has no default address of a type, or no default contact, the first one without an explicit false
    becomes the default; an address of only that type comes before one that serves both types. All others are false.
    """
    return replace(
        tables,
        addresses=_with_defaults(tables.addresses, by_type=True),
        contacts=_with_defaults(tables.contacts, by_type=False),
    )


def _with_defaults(frame: pd.DataFrame, *, by_type: bool) -> pd.DataFrame:
    given = frame.get("is_default", pd.Series(None, index=frame.index, dtype=BOOLEAN))
    yes = given.fillna(False).to_numpy(dtype=np.bool_)
    unstated = given.isna().to_numpy(dtype=np.bool_)
    group = frame["_customer"].to_numpy()
    if by_type and "type" in frame.columns:
        kind, kinds = pd.factorize(frame["type"])
        group = group * (len(kinds) + 1) + kind + 1
    both = np.zeros(len(frame), dtype=np.bool_)
    if SERVES_BOTH in frame.columns:
        both = frame[SERVES_BOTH].to_numpy(dtype=np.bool_)
    # The first of each group: true before unstated, then in the order sent. An explicit false is never chosen.
    order = np.concatenate([np.flatnonzero(chosen) for chosen in (yes, unstated & ~both, unstated & both)])
    _, first = np.unique(group[order], return_index=True)
    default = pd.Series(_marked(len(frame), order[first]), index=frame.index, dtype=BOOLEAN)
    # An invalid flag that was left out does not count as stated.
    stated = pd.Series(frame[DEFAULT_STATED].to_numpy(dtype=np.bool_) & ~unstated, index=frame.index, dtype=BOOLEAN)
    return frame.drop(columns=SERVES_BOTH, errors="ignore").assign(is_default=default, **{DEFAULT_STATED: stated})
