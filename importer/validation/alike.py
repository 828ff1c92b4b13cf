"""Customers that are probably the same one: one company at one address under different reference ids."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import fuzz, process

from importer.records import Severity
from importer.tables import EntityTables
from importer.validation.places import arrow
from importer.validation.problems import Finding

__all__ = ["alike_findings"]

Positions = npt.NDArray[np.int64]

_FORMS = (
    r" (inc|incorporated|llc|llp|lp|ltd|limited|corp|corporation|company|co|plc|gmbh|ag|kg|ohg|ug|mbh|sarl|sas|srl|spa"
    r"|bv|nv|oy|ab|aps|pty|pte)$"
)
_NEAR = 92  # of 100: how much alike two names at one address, or two streets of one name, have to be
_MOST = 30  # customers of one address, or of one name and post code, that are compared with each other


def alike_findings(tables: EntityTables, severity: Severity) -> Iterator[Finding]:
    """A finding for each customer whose company and address are those of an earlier one, exactly or nearly.

    Names are compared without case, punctuation and legal form (``Inc.``, ``GmbH``), ``&`` as ``and``; addresses by
    their first line and post code. A customer without such an address is like no other.
    """
    frame = tables.addresses
    if not {"address_line_1", "zip_code"} <= set(frame.columns) or "company_name" not in tables.customers.columns:
        return
    names = arrow(tables.customers["company_name"])
    owner = frame["_customer"].to_numpy()
    name = _Words.of(_folded_name(names))
    line = _Words.of(_folded(arrow(frame["address_line_1"])))
    code = _post_codes(arrow(frame["zip_code"]))
    columns = {"customer": owner, "name": name.numbers[owner], "line": line.numbers, "code": code.numbers}
    lines = pd.DataFrame(columns)
    lines = lines[(lines[["name", "line"]] >= 0).all(axis=1) & (lines["code"] > _Words.NONE)].drop_duplicates()
    twins = np.full(len(names), -1, np.int64)
    _note(twins, lines.groupby(["name", "line", "code"], sort=False)["customer"].transform("min"), lines)
    for block, compared, words in ((["line", "code"], "name", name), (["name", "code"], "line", line)):
        for customer, other in _near(lines, block, compared, words):
            if twins[customer] < 0:
                twins[customer] = other
    records = np.flatnonzero(twins >= 0).astype(np.int64)
    others = pa.array(twins[records])
    yield Finding(
        "customer_alike",
        "customer",
        "company_name",
        records,
        names.take(pa.array(records)),
        severity,
        others=tables.customers["_row"].to_numpy()[twins[records]],
        other_values=arrow(tables.customers["reference_id"]).take(others),
    )


@dataclass(frozen=True)
class _Words:
    """Distinct texts and the number of each item's; of a blank text -1, without one :attr:`NONE`."""

    texts: pa.Array
    numbers: Positions
    BLANK: ClassVar[int] = -1
    NONE: ClassVar[int] = -2

    @classmethod
    def of(cls, texts: pa.Array) -> "_Words":
        encoded = pc.dictionary_encode(texts)
        numbers = pc.fill_null(encoded.indices, cls.NONE).to_numpy(zero_copy_only=False).astype(np.int64)
        blank = pc.index(encoded.dictionary, "").as_py()
        if blank >= 0:
            numbers[numbers == blank] = cls.BLANK
        return cls(encoded.dictionary, numbers)

    def at(self, numbers: Positions) -> npt.NDArray[np.object_]:
        """The texts of these numbers."""
        texts: npt.NDArray[np.object_] = self.texts.take(pa.array(numbers)).to_numpy(zero_copy_only=False)
        return texts


def _post_codes(texts: pa.Array) -> _Words:
    """Their first five characters, folded: of the distinct ones, which are few."""
    raw = _Words.of(texts)
    short = _Words.of(pc.utf8_slice_codeunits(_folded(raw.texts), 0, 5))
    return _Words(short.texts, np.append(short.numbers, [_Words.NONE, _Words.BLANK])[raw.numbers])


def _folded(texts: pa.Array) -> pa.Array:
    """Without case and punctuation."""
    plain = pc.replace_substring(pc.utf8_lower(texts), "&", " and ")
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(plain, r"[^\pL\pN]+", " "))


def _folded_name(texts: pa.Array) -> pa.Array:
    """A company's name without its legal form, of which there can be two (``GmbH & Co. KG``)."""
    folded = pc.replace_substring_regex(_folded(texts), " gmbh and co kg$", "")
    return pc.replace_substring_regex(pc.replace_substring_regex(folded, _FORMS, ""), _FORMS, "")


def _note(twins: Positions, first: "pd.Series[int]", lines: pd.DataFrame) -> None:
    customers, firsts = lines["customer"].to_numpy(), first.to_numpy()
    later = customers != firsts
    twins[customers[later][::-1]] = firsts[later][::-1]  # the last assignment wins: the first address counts


def _near(lines: pd.DataFrame, block: list[str], compared: str, words: _Words) -> Iterator[tuple[int, int]]:
    """(customer, earlier one) whose ``compared`` texts are nearly the same within a block; a crowd is left alone."""
    sizes = lines.groupby(block, sort=False)["customer"].transform("size")
    some = lines[(sizes > 1) & (sizes <= _MOST)]
    number = some.groupby(block, sort=False).ngroup().to_numpy()
    order = np.lexsort((some["customer"].to_numpy(), number))
    number, customer = number[order], some["customer"].to_numpy()[order]
    texts = some[compared].to_numpy()[order]
    for apart in range(1, _MOST):
        pairs = np.flatnonzero((number[apart:] == number[:-apart]) & (customer[apart:] != customer[:-apart]))
        if not len(pairs):
            return
        known, text = words.at(texts[pairs]), words.at(texts[pairs + apart])
        near = process.cpdist(known, text, scorer=fuzz.ratio, score_cutoff=_NEAR) > 0
        for at in np.flatnonzero(near & (known != text)):
            if _numbers(known[at], text[at]):
                yield int(customer[pairs[at] + apart]), int(customer[pairs[at]])


def _numbers(one: str, other: str) -> bool:
    """Whether the same figures stand in both: 12 and 14 Main St are two places, Store 1 and Store 2 two shops."""
    return [c for c in one if c.isdigit()] == [c for c in other if c.isdigit()]
