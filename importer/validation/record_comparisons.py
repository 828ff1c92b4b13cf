"""Rules about several records: unique reference IDs, no more than one default, and one customer per company.

Possible duplicates are found by fingerprints of texts, so that all customers can be compared although only some of them
are in memory.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import fuzz, process

from importer.tables import ENTITIES, TEXT, Entity, EntityTables, Mask, Positions, Sources, arrow, chunked, take_rows
from importer.validation.describe import Finding
from importer.validation.field_places import row_texts

Fingerprints = npt.NDArray[np.uint64]

SHARED = ("duplicate_reference_id", "reference_id_case")  # codes of problems between records of different customers
_FORMS = (
    r" (inc|incorporated|llc|llp|lp|ltd|limited|corp|corporation|company|co|plc|gmbh|ag|kg|ohg|ug|mbh|sarl|sas|srl|spa"
    r"|bv|nv|oy|ab|aps|pty|pte)$"
)
_NEAR = 92  # out of 100: how similar two names at one address, or two streets with one name, must be
_MOST = 30  # customers with one address, or with one name and postal code; larger groups are not compared


@dataclass(frozen=True)
class OtherRecords:
    """Records that share something with another record, and the place (``file:row``) and value of that other record."""

    records: Positions
    places: pa.Array
    values: pa.Array


SharedFindings = Mapping[tuple[str, Entity], OtherRecords]  # (code of the problem, entity) → its records


def text_column(frame: pd.DataFrame, name: str) -> pa.Array:
    """The texts of a column; all null if the frame does not have the column."""
    return arrow(frame[name]) if name in frame else pa.nulls(len(frame), pa.string())


def fingerprints(texts: pa.Array) -> Fingerprints:
    """A 64-bit hash of each text; 0 for null."""
    known = texts.is_valid().to_numpy(zero_copy_only=False)
    out = np.zeros(len(texts), np.uint64)
    out[known] = pd.util.hash_array(texts.drop_null().to_numpy(zero_copy_only=False), categorize=False)
    return out


def repeated(prints: Fingerprints) -> Mask:
    """True for fingerprints that occur more than once; always False for null's."""
    ordered = np.sort(prints)
    if not ((ordered[1:] == ordered[:-1]) & (ordered[1:] > 0)).any():  # the usual case for IDs, and quick to detect
        return np.zeros(len(prints), np.bool_)
    return pd.Series(prints).duplicated(keep=False).to_numpy() & (prints > 0)


def company_addresses(tables: EntityTables) -> pd.DataFrame:
    """The table for :func:`find_duplicates`: each customer's company with each of its addresses, sorted by customer.

    Columns: ``customer`` (position); ``name_text`` (TEXT: the company's name without case, punctuation, and legal form)
    and ``line_text`` (TEXT: the address's first line without case and punctuation); ``name``, ``line``, ``code``:
    fingerprints (uint64) of these texts and of the postal code. An address is left out if any of the three is missing.
    """
    frame = tables.addresses
    owner = frame["_customer"].to_numpy()
    names = _plain_name(text_column(tables.customers, "company_name"))
    lines = _plain_words(text_column(frame, "address_line_1"))
    raw = pc.dictionary_encode(text_column(frame, "zip_code"))  # few codes are distinct
    codes = pc.utf8_slice_codeunits(_plain_words(raw.dictionary), 0, 5)
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
    """For each of ``count`` customers, an earlier customer with exactly or nearly the same name and address; or -1.

    ``companies``: the result of :func:`company_addresses` for all customers.
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


def _plain_words(texts: pa.Array) -> pa.Array:
    """The texts in lowercase, with one space in place of everything that is neither a letter nor a digit."""
    plain = pc.replace_substring(pc.utf8_lower(texts), "&", " and ")
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(plain, r"[^\pL\pN]+", " "))


def _plain_name(texts: pa.Array) -> pa.Array:
    """Companies' names without their legal form, which can have two parts (``GmbH & Co. KG``)."""
    folded = pc.replace_substring_regex(_plain_words(texts), " gmbh and co kg$", "")
    return pc.replace_substring_regex(pc.replace_substring_regex(folded, _FORMS, ""), _FORMS, "")


def _mixed(*prints: Fingerprints) -> Fingerprints:
    """One fingerprint made from several; never 0, which means null."""
    out = prints[0]
    for one in prints[1:]:
        out = out * np.uint64(0x9E3779B97F4A7C15) + one
    return np.maximum(out, np.uint64(1))


def _note_equal(earlier: Positions, customers: Positions, exact: Fingerprints) -> None:
    """Note customers that are exactly like an earlier customer. If several addresses match, the first one counts."""
    at = np.flatnonzero(repeated(exact))
    own = customers[at]
    firsts = _first_of_group(own, exact[at])
    later = own != firsts
    earlier[own[later][::-1]] = firsts[later][::-1]


def _near(
    customers: Positions, block: Fingerprints, prints: Fingerprints, texts: pa.ChunkedArray
) -> Iterator[tuple[int, int]]:
    """Pairs of (customer, earlier customer) whose texts in a block are nearly the same; large blocks are skipped."""
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
        known, text = (take_rows(texts, at[side]).to_pylist() for side in (pairs, pairs + apart))
        near = process.cpdist(known, text, scorer=fuzz.ratio, score_cutoff=_NEAR) > 0
        for place in np.flatnonzero(near):
            if _digits(known[place]) == _digits(text[place]):
                yield int(customer[pairs[place] + apart]), int(customer[pairs[place]])


def _digits(text: str) -> list[str]:
    """The digits of a text: 12 and 14 Main St are two places, and Store 1 and Store 2 are two shops."""
    return [character for character in text if character.isdigit()]


def relation_findings(tables: EntityTables, sources: Sources, shared: SharedFindings) -> Iterator[Finding]:
    """Findings of reference IDs that occur twice or differ only in case (from ``shared``), and of several defaults."""
    for entity in ENTITIES:
        for code in SHARED:
            if (others := shared.get((code, entity))) is not None:
                ids = arrow(tables.frame(entity)["reference_id"]).take(pa.array(others.records))
                yield Finding(code, entity, "reference_id", others.records, ids, None, others.places, others.values)
    yield from _defaults(tables, sources, "address", by_type=True)
    yield from _defaults(tables, sources, "contact", by_type=False)


def normalized_ids(ids: pa.Array) -> pa.Array:
    """IDs without case, with one form for characters that look the same: hyphens, apostrophes, and wide letters."""
    if pc.all(pc.string_is_ascii(ids), min_count=0).as_py():
        return pc.utf8_lower(ids)
    plain = pc.utf8_normalize(ids, form="NFKC")
    for alike, one in ((r"[\x{2010}-\x{2015}\x{2212}]", "-"), (r"[\x{2018}\x{2019}\x{02bc}]", "'")):
        plain = pc.replace_substring_regex(plain, alike, one)
    return pc.utf8_lower(plain)


def same_ids(ids: pa.Array) -> dict[str, Positions]:
    """Code → for each ID, the position of another that is the same, or the same by :func:`normalized_ids`; otherwise -1."""
    if len(normalized_ids(ids).drop_null().unique()) == len(ids) - ids.null_count:
        return dict.fromkeys(SHARED, np.full(len(ids), -1, np.int64))  # the usual case, which is quick to detect
    exact = _codes(ids)
    folded = _codes(normalized_ids(ids))
    # Within a group of similar IDs, one record for each spelling is compared with the others.
    spelling = np.full(exact.max(initial=-1) + 1, -1, dtype=np.int64)
    known = np.flatnonzero(exact >= 0)
    spelling[exact[known[::-1]]] = known[::-1]
    firsts = spelling[spelling >= 0]
    others = np.full(len(exact), -1, dtype=np.int64)
    other = _other_of_group(folded[firsts])
    others[firsts[other >= 0]] = firsts[other[other >= 0]]
    others[known] = others[spelling[exact[known]]]
    return {"duplicate_reference_id": _other_of_group(exact), "reference_id_case": others}


def _defaults(tables: EntityTables, sources: Sources, entity: Entity, *, by_type: bool) -> Iterator[Finding]:
    frame = tables.frame(entity)
    if "is_default" not in frame.columns:
        return
    flagged = np.flatnonzero(pc.fill_null(arrow(frame["is_default"]), False).to_numpy(zero_copy_only=False))
    group = frame["_customer"].to_numpy()[flagged]
    if by_type and "type" in frame.columns:
        kind = _codes(arrow(frame["type"]).take(pa.array(flagged)))
        group = group * (kind.max(initial=0) + 2) + kind + 1
    leaders = _first_of_group(flagged, group)
    records, others = flagged[flagged != leaders], leaders[flagged != leaders]
    values = arrow(frame["is_default"]).cast(pa.string())
    own, other = values.take(pa.array(records)), values.take(pa.array(others))
    places = row_texts(sources, frame["_row"].to_numpy()[others])
    yield Finding("several_defaults", entity, "is_default", records, own, None, places, other)


def _codes(texts: pa.Array) -> Positions:
    """Equal texts → equal numbers from 0; null → -1."""
    codes: Positions = pc.fill_null(pc.dictionary_encode(texts).indices, -1).to_numpy(zero_copy_only=False)
    return codes.astype(np.int64)


def _other_of_group(codes: Positions) -> Positions:
    """For each item, the position of the first other item with its code; -1 if there is none."""
    others = np.full(len(codes), -1, dtype=np.int64)
    known = np.flatnonzero(codes >= 0)
    firsts = _first_of_group(known, codes[known])
    later = known != firsts
    others[known[later]] = firsts[later]
    others[firsts[later][::-1]] = known[later][::-1]  # the last assignment wins: the second item
    return others


def _first_of_group(items: Positions, groups: npt.NDArray[Any]) -> Positions:
    """For each item, the first item of its group."""
    return pd.Series(items).groupby(groups).transform("first").to_numpy()
