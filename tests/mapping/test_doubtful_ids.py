"""IDs that are used unchanged, with a warning that says why they may be wrong."""

import pytest

from tests.mapping.support import BASE, apply, column, problems, sheet

TOLD = ("severity", "code", "row", "column")
FALLBACK = """
title: Test
key: {from: [Id, Name], take: first, optional: true}
customer: {company_name: Name}
"""


@pytest.mark.parametrize(
    "ids",
    [
        ("2-Jan", "7"),
        ("Jan-02", "A"),
        ("2024-01-02", "3-4"),
        ("1,017", "17"),
        ("12.018", "1.017"),
        ("1 017", "17"),
        ("1'017", "17"),
        ("'0018", "0019"),
        ("123456789012346000", "7"),
        ("17", "0017"),
    ],
)
def test_ids_possibly_rewritten_by_a_program_are_reported(ids: tuple[str, str]) -> None:
    made = apply(BASE, f"Id|Name\n{ids[0]}|A\n{ids[1]}|B")
    assert column(made, "reference_id") == list(ids)
    assert problems(made, *TOLD) == [("warning", "id_doubtful", 2, "Id")]


@pytest.mark.parametrize(
    "ids",
    [
        ("JAN-02", "1-2"),
        ("1,017", "1018"),
        ("1.017", "A1"),
        ("1 017", "A 1"),
        ("0.017", "17"),
        ("'t Huis", "017"),
        ("A017", "A17"),
        ("1234567890123450", "1234567890123457"),
    ],
)
def test_plausible_ids_are_not_reported(ids: tuple[str, str]) -> None:
    assert problems(apply(BASE, f"Id|Name\n{ids[0]}|A\n{ids[1]}|B")) == []


@pytest.mark.parametrize(
    ("text", "sign"), [("1\u00a0017", " "), ("1\u202f017", " "), ("1.017", "."), ("1\u2019017", "\u2019")]
)
def test_hint_contains_the_separator(text: str, sign: str) -> None:
    table = sheet("Id|Name\nx|A")
    table.frame.loc[0, "Id"] = text
    assert f'`as: {{replace: ["{sign}", ""]}}`' in problems(apply(BASE, table), "hint")[0][0]
    made = apply(BASE.replace("key: Id", f'key: {{from: Id, as: {{replace: ["{sign}", ""]}}}}'), table)
    assert (column(made, "reference_id"), problems(made)) == (["1017"], [])


def test_ids_changed_by_the_mapping_are_not_reported() -> None:
    made = apply(BASE.replace("key: Id", "key: {from: Id, as: unquote}"), "Id|Name\n'0018|A")
    assert (column(made, "reference_id"), problems(made)) == (["0018"], [])


def test_same_number_in_two_divisions_is_not_reported() -> None:
    mapping = BASE.replace("key: Id", "key: [Division, Id]")
    assert problems(apply(mapping, "Division|Id|Name\n01|17|A\n02|0017|B")) == []


def test_row_without_id_for_a_company_with_an_id_is_reported() -> None:
    made = apply(FALLBACK, "Id|Name\n0017|Harbor\n|Kestrel\n|Harbor")
    assert column(made, "reference_id") == ["0017", "Kestrel", "Harbor"]
    assert problems(made, *TOLD) == [("warning", "id_doubtful", 4, "Id")]
    assert problems(apply(FALLBACK, "Name\nHarbor\nKestrel")) == []
