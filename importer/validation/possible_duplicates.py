"""Customers that are probably the same one: one company at one address under different reference ids."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import fuzz, process

from importer.records import Severity
from importer.tables import EntityTables, Sources
from importer.validation.describe import Finding
from importer.validation.field_places import arrow, row_texts
from importer.validation.fingerprints import Fingerprints, Twins, fingerprints, repeated

__all__ = ["CompanyLines", "alike_finding", "alike_findings", "company_lines", "find_alike"]

Positions = npt.NDArray[np.int64]
Compared = Literal["name", "line"]

_FORMS = (
    r" (inc|incorporated|llc|llp|lp|ltd|limited|corp|corporation|company|co|plc|gmbh|ag|kg|ohg|ug|mbh|sarl|sas|srl|spa"
    r"|bv|nv|oy|ab|aps|pty|pte)$"
)
_MARKS_TO_SPACES = bytes(n if n > 127 or chr(n).isalnum() else ord(" ") for n in range(256))
_NEAR = 92  # of 100: how much alike two names at one address, or two streets of one name, have to be
_MOST = 30  # customers of one address, or of one name and post code, that are compared with each other


@dataclass(frozen=True)
class CompanyLines:
    """Each customer's company beside each of its addresses, as fingerprints of what is compared; sorted by customer.

    ``texts`` gives the company's folded name or the address's folded first line at some of these places.
    """

    customers: Positions
    name: Fingerprints
    line: Fingerprints
    code: Fingerprints
    texts: Callable[[Compared, Positions], pa.Array]


def alike_findings(tables: EntityTables, sources: Sources, severity: Severity) -> Iterator[Finding]:
    """A finding for each customer whose company and address are those of an earlier one, exactly or nearly.

    Names are compared without case, punctuation and legal form (``Inc.``, ``GmbH``), ``&`` as ``and``; addresses by
    their first line and post code. A customer without such an address is like no other.
    """
    lines = company_lines(tables)
    if lines is None:
        return
    twins = find_alike(lines, len(tables.customers))
    records = np.flatnonzero(twins >= 0).astype(np.int64)
    places = row_texts(sources, tables.customers["_row"].to_numpy()[twins[records]])
    ids = arrow(tables.customers["reference_id"]).take(pa.array(twins[records]))
    yield alike_finding(tables, severity, Twins(records, places, ids))


def alike_finding(tables: EntityTables, severity: Severity, twins: Twins) -> Finding:
    """The finding about customers that are like others."""
    names = arrow(tables.customers["company_name"]).take(pa.array(twins.records))
    return Finding(
        "customer_alike",
        "customer",
        "company_name",
        twins.records,
        names,
        severity,
        others=twins.places,
        other_values=twins.values,
    )


def company_lines(tables: EntityTables) -> CompanyLines | None:
    """What is compared of these customers; None where they have neither names nor addresses to compare."""
    frame = tables.addresses
    if not {"address_line_1", "zip_code"} <= set(frame.columns) or "company_name" not in tables.customers.columns:
        return None
    owner = frame["_customer"].to_numpy()
    names = _folded_name(arrow(tables.customers["company_name"]))
    lines = _folded(arrow(frame["address_line_1"]))
    raw = pc.dictionary_encode(arrow(frame["zip_code"]))  # few are distinct
    codes = pc.utf8_slice_codeunits(_folded(raw.dictionary), 0, 5)
    prints = {
        "customer": owner,
        "name": fingerprints(names)[owner],
        "line": fingerprints(lines),
        "code": np.append(fingerprints(codes), np.uint64(0))[pc.fill_null(raw.indices, -1).to_numpy()],
    }
    blank = fingerprints(pa.array([""]))[0]
    told = pd.DataFrame(prints)
    told = told[(told[["name", "line", "code"]] > 0).all(axis=1) & (told[["name", "line"]] != blank).all(axis=1)]
    told = told.drop_duplicates()
    at = told.index.to_numpy()

    def texts(compared: Compared, places: Positions) -> pa.Array:
        chosen = at[places]
        return names.take(pa.array(owner[chosen])) if compared == "name" else lines.take(pa.array(chosen))

    columns = {name: told[name].to_numpy() for name in told.columns}
    return CompanyLines(columns["customer"], columns["name"], columns["line"], columns["code"], texts)


def find_alike(lines: CompanyLines, count: int) -> Positions:
    """For each of ``count`` customers the earlier one that it is like, or -1."""
    twins = np.full(count, -1, np.int64)
    _note(twins, lines)
    by_line, by_name = _mixed(lines.line, lines.code), _mixed(lines.name, lines.code)
    blocks: tuple[tuple[Fingerprints, Compared], ...] = ((by_line, "name"), (by_name, "line"))
    for block, compared in blocks:
        for customer, other in _near(lines, block, compared):
            if twins[customer] < 0:
                twins[customer] = other
    return twins


def _folded(texts: pa.Array) -> pa.Array:
    """Without case, and with one space for all that is neither letter nor figure."""
    spaced = _spaced(pc.replace_substring(pc.utf8_lower(texts), "&", " and "))
    foreign = pc.invert(pc.string_is_ascii(spaced))
    others = pc.replace_substring_regex(spaced.filter(foreign), r"[^\pL\pN]+", " ")
    plain = pc.replace_with_mask(spaced, foreign, others)
    while pc.any(pc.match_substring(plain, "  ")).as_py():
        plain = pc.replace_substring(plain, "  ", " ")
    return pc.utf8_trim_whitespace(plain)


def _spaced(texts: pa.Array) -> pa.Array:
    """A space for each ASCII mark, by its byte: a pattern takes ten times as long."""
    known, ends, data = texts.buffers()
    spaced = (data or pa.py_buffer(b"")).to_pybytes().translate(_MARKS_TO_SPACES)
    return pa.Array.from_buffers(texts.type, len(texts), [known, ends, pa.py_buffer(spaced)], offset=texts.offset)


def _folded_name(texts: pa.Array) -> pa.Array:
    """A company's name without its legal form, of which there can be two (``GmbH & Co. KG``)."""
    folded = pc.replace_substring_regex(_folded(texts), " gmbh and co kg$", "")
    return pc.replace_substring_regex(pc.replace_substring_regex(folded, _FORMS, ""), _FORMS, "")


def _mixed(*prints: Fingerprints) -> Fingerprints:
    """One fingerprint of several; never that of null."""
    out = prints[0]
    for one in prints[1:]:
        out = out * np.uint64(0x9E3779B97F4A7C15) + one
    return np.maximum(out, np.uint64(1))


def _note(twins: Positions, lines: CompanyLines) -> None:
    """Customers that are exactly like an earlier one; of one with several addresses the first counts."""
    exact = _mixed(lines.name, lines.line, lines.code)
    at = np.flatnonzero(repeated(exact))
    group, _ = pd.factorize(exact[at])
    first = np.full(group.max(initial=-1) + 1, -1, np.int64)
    first[group[::-1]] = lines.customers[at[::-1]]  # the last assignment wins: the first customer
    customers, firsts = lines.customers[at], first[group]
    later = customers != firsts
    twins[customers[later][::-1]] = firsts[later][::-1]


def _near(lines: CompanyLines, block: Fingerprints, compared: Compared) -> Iterator[tuple[int, int]]:
    """(customer, earlier one) whose ``compared`` texts are nearly the same within a block; a crowd is left alone."""
    at = np.flatnonzero(repeated(block))
    number, _ = pd.factorize(block[at])
    few = np.bincount(number)[number] <= _MOST
    at, number = at[few], number[few]
    order = np.lexsort((lines.customers[at], number))
    number, at = number[order], at[order]
    customer, prints = lines.customers[at], (lines.name if compared == "name" else lines.line)[at]
    for apart in range(1, _MOST):
        pairs = np.flatnonzero((number[apart:] == number[:-apart]) & (customer[apart:] != customer[:-apart]))
        if not len(pairs):
            return
        pairs = pairs[prints[pairs] != prints[pairs + apart]]
        known, text = (lines.texts(compared, at[side]).to_pylist() for side in (pairs, pairs + apart))
        near = process.cpdist(known, text, scorer=fuzz.ratio, score_cutoff=_NEAR) > 0
        for place in np.flatnonzero(near):
            if _numbers(known[place], text[place]):
                yield int(customer[pairs[place] + apart]), int(customer[pairs[place]])


def _numbers(one: str, other: str) -> bool:
    """Whether the same figures stand in both: 12 and 14 Main St are two places, Store 1 and Store 2 two shops."""
    return [c for c in one if c.isdigit()] == [c for c in other if c.isdigit()]
