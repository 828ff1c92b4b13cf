"""Customers that are probably the same one: one company at one address under different reference ids."""

from collections.abc import Iterator

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
    lines = pd.DataFrame(
        {
            "customer": frame["_customer"].to_numpy(),
            "name": _folded_name(names).take(pa.array(frame["_customer"].to_numpy())).to_pandas(),
            "line": _folded(arrow(frame["address_line_1"])).to_pandas(),
            "code": pc.utf8_slice_codeunits(_folded(arrow(frame["zip_code"])), 0, 5).to_pandas(),
        }
    ).dropna()
    lines = lines[(lines["name"] != "") & (lines["line"] != "")].drop_duplicates()
    twins = np.full(len(names), -1, np.int64)
    _note(twins, lines.groupby(["name", "line", "code"], sort=False)["customer"].transform("min"), lines)
    for block, compared in ((["line", "code"], "name"), (["name", "code"], "line")):
        for customer, other in _near(lines, block, compared):
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


def _near(lines: pd.DataFrame, block: list[str], compared: str) -> Iterator[tuple[int, int]]:
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
        known, text = texts[pairs], texts[pairs + apart]
        near = process.cpdist(known, text, scorer=fuzz.ratio, score_cutoff=_NEAR) > 0
        for at in np.flatnonzero(near & (known != text)):
            if _numbers(known[at], text[at]):
                yield int(customer[pairs[at] + apart]), int(customer[pairs[at]])


def _numbers(one: str, other: str) -> bool:
    """Whether the same figures stand in both: 12 and 14 Main St are two places, Store 1 and Store 2 two shops."""
    return [c for c in one if c.isdigit()] == [c for c in other if c.isdigit()]
