"""Customers that are possible duplicates: one company at one address under different reference ids.

Fingerprints stand for texts, so that all customers can be compared although only some of them are in memory.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import fuzz, process

from importer.records import Severity
from importer.tables import TEXT, Entity, EntityTables, chunked, taken
from importer.validation.describe import Finding
from importer.validation.field_places import arrow

Positions = npt.NDArray[np.int64]
Fingerprints = npt.NDArray[np.uint64]

_FORMS = (
    r" (inc|incorporated|llc|llp|lp|ltd|limited|corp|corporation|company|co|plc|gmbh|ag|kg|ohg|ug|mbh|sarl|sas|srl|spa"
    r"|bv|nv|oy|ab|aps|pty|pte)$"
)
_NEAR = 92  # of 100: how similar two names at one address, or two streets of one name, have to be
_MOST = 30  # customers of one address, or of one name and post code, that are compared with each other


@dataclass(frozen=True)
class OtherRecords:
    """Records with something that another record has as well: its place (``file:row``) and its value."""

    records: Positions
    places: pa.Array
    values: pa.Array


SharedFindings = Mapping[tuple[str, Entity], OtherRecords]  # (code of the problem, entity) → the records that have it


def text_column(frame: pd.DataFrame, name: str) -> pa.Array:
    """The texts of a column; nulls where the frame does not have it."""
    return arrow(frame[name]) if name in frame else pa.nulls(len(frame), pa.string())


def fingerprints(texts: pa.Array) -> Fingerprints:
    """64 bits for each text, equal for equal ones; 0 for null."""
    known = texts.is_valid().to_numpy(zero_copy_only=False)
    out = np.zeros(len(texts), np.uint64)
    out[known] = pd.util.hash_array(texts.drop_null().to_numpy(zero_copy_only=False), categorize=False)
    return out


def repeated(prints: Fingerprints) -> npt.NDArray[np.bool_]:
    """True where a fingerprint occurs more than once; never for that of null."""
    ordered = np.sort(prints)
    if not ((ordered[1:] == ordered[:-1]) & (ordered[1:] > 0)).any():  # as usual for ids, and quick to know
        return np.zeros(len(prints), np.bool_)
    return pd.Series(prints).duplicated(keep=False).to_numpy() & (prints > 0)


def company_addresses(tables: EntityTables) -> pd.DataFrame:
    """Each customer's company beside each of its addresses: what is compared, sorted by customer.

    Columns: ``customer`` (position); ``name_text`` (TEXT: the company's name without case, punctuation and legal form)
    and ``line_text`` (the address's first line, likewise); ``name``, ``line``, ``code``: fingerprints (uint64) of both
    and of the post code. A customer without such a name and address has no line.
    """
    frame = tables.addresses
    owner = frame["_customer"].to_numpy()
    names = _folded_name(text_column(tables.customers, "company_name"))
    lines = _folded(text_column(frame, "address_line_1"))
    raw = pc.dictionary_encode(text_column(frame, "zip_code"))  # few are distinct
    codes = pc.utf8_slice_codeunits(_folded(raw.dictionary), 0, 5)
    found: pd.DataFrame = pd.DataFrame(
        {
            "customer": owner,
            "name": fingerprints(names)[owner],
            "line": fingerprints(lines),
            "code": np.append(fingerprints(codes), np.uint64(0))[pc.fill_null(raw.indices, -1).to_numpy()],
        }
    )
    blank = fingerprints(pa.array([""]))[0]
    known = (found[["name", "line", "code"]] > 0).all(axis=1) & (found[["name", "line"]] != blank).all(axis=1)
    found = found[known].drop_duplicates()
    at = found.index.to_numpy()
    name_text, line_text = names.take(pa.array(owner[at])), lines.take(pa.array(at))
    return found.assign(
        name_text=pd.Series(name_text, found.index, TEXT), line_text=pd.Series(line_text, found.index, TEXT)
    )


def find_duplicates(companies: pd.DataFrame, count: int) -> Positions:
    """For each of ``count`` customers the earlier one that it is a possible duplicate of, exactly or nearly; or -1.

    ``companies``: see :func:`company_addresses`, of all customers.
    """
    earlier = np.full(count, -1, np.int64)
    customers = companies["customer"].to_numpy()
    name, line, code = (companies[column].to_numpy() for column in ("name", "line", "code"))
    _note_equal(earlier, customers, _mixed(name, line, code))
    blocks = ((_mixed(line, code), name, "name_text"), (_mixed(name, code), line, "line_text"))
    for block, prints, texts in blocks:
        for customer, other in _near(customers, block, prints, chunked(companies[texts])):
            if earlier[customer] < 0:
                earlier[customer] = other
    return earlier


def duplicate_finding(tables: EntityTables, severity: Severity, others: OtherRecords) -> Finding:
    """The finding about customers that are possible duplicates of others."""
    names = arrow(tables.customers["company_name"]).take(pa.array(others.records))
    return Finding(
        "customer_alike",
        "customer",
        "company_name",
        others.records,
        names,
        severity,
        others=others.places,
        other_values=others.values,
    )


def _folded(texts: pa.Array) -> pa.Array:
    """Without case, and with one space for all that is neither a letter nor a digit."""
    plain = pc.replace_substring(pc.utf8_lower(texts), "&", " and ")
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(plain, r"[^\pL\pN]+", " "))


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


def _note_equal(earlier: Positions, customers: Positions, exact: Fingerprints) -> None:
    """Note customers that are exactly like an earlier one; of one with several addresses the first counts."""
    at = np.flatnonzero(repeated(exact))
    group, _ = pd.factorize(exact[at])
    first = np.full(group.max(initial=-1) + 1, -1, np.int64)
    first[group[::-1]] = customers[at[::-1]]  # the last assignment wins: the first customer
    own, firsts = customers[at], first[group]
    later = own != firsts
    earlier[own[later][::-1]] = firsts[later][::-1]


def _near(
    customers: Positions, block: Fingerprints, prints: Fingerprints, texts: pa.ChunkedArray
) -> Iterator[tuple[int, int]]:
    """(customer, earlier one) whose texts are nearly the same within a block; a block of too many is left out."""
    at = np.flatnonzero(repeated(block))
    number, _ = pd.factorize(block[at])
    few = np.bincount(number)[number] <= _MOST
    at, number = at[few], number[few]
    order = np.lexsort((customers[at], number))
    number, at = number[order], at[order]
    customer, prints = customers[at], prints[at]
    for apart in range(1, _MOST):
        pairs = np.flatnonzero((number[apart:] == number[:-apart]) & (customer[apart:] != customer[:-apart]))
        if not len(pairs):
            return
        pairs = pairs[prints[pairs] != prints[pairs + apart]]
        known, text = (taken(texts, at[side]).to_pylist() for side in (pairs, pairs + apart))
        near = process.cpdist(known, text, scorer=fuzz.ratio, score_cutoff=_NEAR) > 0
        for place in np.flatnonzero(near):
            if _digits(known[place]) == _digits(text[place]):
                yield int(customer[pairs[place] + apart]), int(customer[pairs[place]])


def _digits(text: str) -> list[str]:
    """Its digits: 12 and 14 Main St are two places, Store 1 and Store 2 two shops."""
    return [character for character in text if character.isdigit()]
