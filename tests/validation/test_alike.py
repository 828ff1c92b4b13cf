"""The same company at the same address with different IDs."""

import re
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.records import Severity
from importer.tables import TEXT, EntityTables
from importer.validation.record_comparisons import _plain_words, company_addresses, find_duplicates
from tests.support import make_tables, validate_all


def duplicates(*companies: tuple[str, str, str], alike: Severity | None = Severity.WARNING) -> list[tuple[object, ...]]:
    """(customer position, severity, hint) for ``companies``: name, first address line, postal code."""
    customers = [{"reference_id": f"C{n}", "company_name": name} for n, (name, _, _) in enumerate(companies)]
    addresses = [
        {
            "customer": n,
            "reference_id": f"A{n}",
            "address_line_1": line,
            "city": "X",
            "type": "billing",
            "zip_code": code,
        }
        for n, (_, line, code) in enumerate(companies)
    ]
    sources, tables = make_tables(customers, addresses)
    frame = validate_all(tables, sources, possible_duplicates=alike).frame
    chosen = frame[frame["code"] == "customer_alike"]
    return list(chosen[["record", "severity", "hint"]].itertuples(index=False, name=None))


@pytest.mark.parametrize(
    "other",
    [
        ("Harbor Goods", "4 Pier Rd", "43000"),
        ("HARBOR GOODS, Inc.", "4 Pier Rd.", "43000-1234"),
        ("Harbor  Goods Company LLC", "4 PIER RD", "43000"),
        ("Harbour Goods", "4 Pier Rd", "43000"),
        ("Harbor Goods", "4 Piers Rd", "43000"),
    ],
)
def test_same_company_at_the_same_address_is_a_warning_naming_the_other(other: tuple[str, str, str]) -> None:
    lines = duplicates(("Harbor Goods", "4 Pier Rd", "43000"), ("Kestrel", "1 Mill Ln", "78701"), other)
    assert lines == [
        (
            2,
            "warning",
            "customers.csv:2 has the same company under ID C0. If it is the same customer, keep only one.",
        )
    ]


@pytest.mark.parametrize(
    "other",
    [
        ("Harbor Goods", "4 Pier Rd", "43001"),
        ("Harbor Goods", "14 Pier Rd", "43000"),
        ("Harbor Paper", "4 Pier Rd", "43000"),
        ("Harbor Goods 2", "4 Pier Rd", "43000"),
    ],
)
def test_other_customers_are_not_duplicates(other: tuple[str, str, str]) -> None:
    assert not duplicates(("Harbor Goods", "4 Pier Rd", "43000"), other)


def test_ampersand_equals_and_and_legal_forms_are_ignored() -> None:
    assert duplicates(("Müller & Sohn GmbH & Co. KG", "Hafen 1", "20457"), ("müller and sohn", "HAFEN 1", "20457"))


def test_duplicates_can_be_errors_or_ignored() -> None:
    twins = (("Harbor", "4 Pier Rd", "43000"), ("Harbor", "4 Pier Rd", "43000"), ("Harbor", "4 Pier Rd", "43000"))
    assert [line[:2] for line in duplicates(*twins, alike=Severity.ERROR)] == [(1, "error"), (2, "error")]
    assert duplicates(*twins, alike=None) == []


def test_many_customers_on_one_street_are_checked_quickly() -> None:
    count = 100_000
    owner = np.arange(count, dtype=np.int64)
    texts = {name: pd.Series([f"{name} {n}" for n in owner], dtype=TEXT) for name in ("company_name", "reference_id")}
    customers = pd.DataFrame({**texts, "_row": owner})
    line = pd.Series([f"{n % 50} Main St" for n in owner], dtype=TEXT)
    code = pd.Series([f"{10_000 + n % 40_000}" for n in owner], dtype=TEXT)
    addresses = pd.DataFrame({"address_line_1": line, "zip_code": code, "_customer": owner})
    tables = EntityTables(customers, addresses, addresses.iloc[:0], (), pd.DataFrame())
    started = time.process_time()
    assert find_duplicates(company_addresses(tables), count).max() == -1
    assert time.process_time() - started < 5


@given(
    st.lists(
        st.none()
        | st.text(
            st.sampled_from("aZ09 -.,&'\t\u00a0\u2003\u2013\u00e9\u00c9\u00df\u00aa\u00b2\U0001d7d8"), max_size=12
        )
    )
)
def test_punctuation_of_any_script_separates_words(texts: list[str | None]) -> None:
    plain = [text and re.sub(r"[\W_]+", " ", text.lower().replace("&", " and ")).strip() for text in texts]
    for start in (0, 1):  # also for a slice
        assert _plain_words(pa.array(texts, pa.string()).slice(start)).to_pylist() == plain[start:]
