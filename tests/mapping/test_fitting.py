"""Which included mapping fits a file."""

from pathlib import Path
from typing import Any

import pytest

import importer
from importer.errors import InputError
from importer.loader import LoadOptions, load
from importer.mapping.fitting import best_fit

SAMPLES = Path(__file__).parents[2] / "sample_data"


@pytest.mark.parametrize("system", ["generic-long", "generic-wide"])  # test_known_mappings has the others
def test_sample_is_matched_best_by_its_own_mapping(system: str) -> None:
    fit = best_fit(load([str(SAMPLES / system)], LoadOptions()))
    assert fit is not None
    assert fit.name == system


def check(tmp_path: Path, text: str, mapping: str, **options: Any) -> importer.CheckResult:
    (tmp_path / "list.csv").write_text(text)
    return importer.check(str(tmp_path / "list.csv"), mapping=mapping, out=tmp_path / "out", **options)


@pytest.mark.parametrize(
    ("text", "mapping", "message", "hint"),
    [
        ("Frob,Blarg\n1,2\n", "shopify", "of its columns", "No included mapping fits these columns"),
        (
            "Frob,Blarg\n1,2\n",
            "xero",
            "is missing 1 column that the mapping needs",
            "No included mapping fits these columns",
        ),
        ("Client,Tel\nA,1\n", "shopify", "none of its columns", "'generic-wide' fits best: it covers 2 of 2 columns."),
        (
            "Client,Tel,Frob\nA,1,x\n",
            "",
            "--mapping is missing",
            "covers 2 of 3 columns, all but Frob. To use it: `importer",
        ),
        ("Internal ID,Company Name\n,A\n,B\n", "netsuite", "in 2 rows: 2 errors (key_blank)", "? list.csv:2: the row"),
        ("Customer ID,Company\n", "generic-wide", "there are no data rows below it", "with its rows"),
    ],
)
def test_error_and_hint_if_no_customer_is_found(
    tmp_path: Path, text: str, mapping: str, message: str, hint: str
) -> None:
    with pytest.raises(InputError) as raised:
        check(tmp_path, text, mapping)
    assert message in raised.value.message
    assert hint in raised.value.hint


def test_given_mapping_is_not_recommended(tmp_path: Path) -> None:
    names = "*ContactName,AccountNumber,EmailAddress,Last Nam,POAddressLine1,POCity,PORegion,POPostalCode,POCountry"
    own, hints = tmp_path / "own.yaml", []
    for start in ("customer: {company_name: '*ContactName'}", "extends: xero"):
        own.write_text(f"title: own\nkey: LastName\n{start}\n")
        with pytest.raises(InputError) as raised:
            check(tmp_path, f"{names}\n{'A,' * 8}A\n", str(own))
        assert "'LastName' (closest header in the file: 'Last Nam')" in raised.value.message
        hints.append(raised.value.hint)
    assert hints[0].startswith("The included mapping 'xero' fits best: it covers ")
    assert hints[1].startswith("The file's columns are '*ContactName', ")


def test_suggested_command_without_a_mapping_can_be_pasted(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        check(tmp_path, "Client,Tel\nA,1\n", "")
    assert f"importer check {tmp_path}/list.csv -m generic-wide" in raised.value.hint


@pytest.mark.parametrize(
    ("text", "mapping", "code"),
    [("Internal ID,Company Name\n,A\n", "netsuite", 1), ("Customer ID,Company\n", "generic-wide", 0)],
)
def test_partial_export_may_have_no_customers(tmp_path: Path, text: str, mapping: str, code: int) -> None:
    result = check(tmp_path, text, mapping, partial=True)
    assert (result.exit_code, len(result.customers)) == (code, 0)
