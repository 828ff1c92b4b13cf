"""An error that most customers share is reported once, with its fix, before everything else."""

from pathlib import Path
from typing import Any

import pytest

import importer

MAPPING: dict[str, Any] = {"title": "plain", "key": "Id", "customer": {"company_name": "Name", "phone": "Phone"}}
NO_COUNTRY, VALID = "415-362-1000", "+14153621000"


def causes(tmp_path: Path, phones: list[str]) -> tuple[list[str], str]:
    lines = [f"{number},Company {number},{phone}" for number, phone in enumerate(phones)]
    (tmp_path / "list.csv").write_text("\n".join(["Id,Name,Phone", *lines, ""]))
    summary = importer.check(str(tmp_path / "list.csv"), MAPPING, out=tmp_path / "out").summary
    return summary["causes"], (Path(summary["folder"]) / "report.html").read_text(encoding="utf-8")


def test_phones_without_a_country_are_one_cause(tmp_path: Path) -> None:
    (cause,), page = causes(tmp_path, [NO_COUNTRY, NO_COUNTRY, VALID])
    assert cause.startswith("2 of 3 customers have the same problem: Not a phone number (Phone). ")
    assert "--country US" in cause
    head, _, _ = page.partition('<main id="main">')
    assert "2 of 3 customers have the same problem: Not a phone number (Phone)." in head


@pytest.mark.parametrize(
    "phones",
    [[NO_COUNTRY, VALID], [NO_COUNTRY, VALID, VALID], [NO_COUNTRY, NO_COUNTRY, VALID, VALID], [NO_COUNTRY], [VALID]],
)
def test_problem_of_at_most_half_the_customers_is_not_a_root_cause(tmp_path: Path, phones: list[str]) -> None:
    assert causes(tmp_path, phones)[0] == []


def test_errors_with_different_fixes_are_not_one_cause(tmp_path: Path) -> None:
    assert causes(tmp_path, [NO_COUNTRY, "+1 415", "+1 415", VALID])[0] == []
