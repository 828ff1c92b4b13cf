"""Keys and IDs that look the same are equal; the IDs that earlier versions made from them are kept as former IDs."""

import pytest

from importer.tables import FORMER_ID
from tests.mapping.support import BASE, apply, column, problems, records

MARKED = "Id|Name\n0017|Harbor\n0017{}|Harbor"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0017", "0017\u200e"),
        ("0018", "00\u200b18"),
        ("0018", "00\u200d18"),
        ("0018", "\ufeff0018\u200f"),
        ("00 20", "00\u00a020"),
        ("00 20", "00\u202f20"),
        ("M\u00fcller-1", "Mu\u0308ller-1"),
        ("AB-1", "A\u00adB-1"),
    ],
)
def test_keys_that_look_the_same_are_one_customer(one: str, other: str) -> None:
    made = apply(BASE, f"Id|Name\n{one}|Harbor\n{other}|Harbor")
    assert column(made, "reference_id") == [one]
    assert FORMER_ID not in made.tables.customers
    (line,) = made.tables.changes[["code", "field", "column", "count", "after"]].itertuples(index=False, name=None)
    assert line == ("key_tidied", "reference_id", "Id", 1, one)


@pytest.mark.parametrize("other", ["0017 ", "017", "0017-", "\u06f0017", "m\u0131"])
def test_keys_that_look_different_stay_different(other: str) -> None:
    made = apply(BASE, f"Id|Name\n0017|Harbor\n{other}|Harbor")
    assert len(made.tables.customers) == (1 if other.strip() == "0017" else 2)
    assert not len(made.tables.changes)


def test_joiners_required_by_a_script_are_kept() -> None:
    name = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    assert column(apply(BASE, f"Id|Name\n{name}|A"), "reference_id") == [name]


def test_former_id_is_kept_if_no_row_has_the_new_one() -> None:
    mapping = f"{BASE}contacts: [{{email: Mail, optional: true}}]\n"
    made = apply(mapping, "Id|Name|Mail\n0017\u200e|Harbor|a@example.com\n0018|Kestrel|b@example.com")
    assert [record.get(FORMER_ID) for record in records(made)] == ["0017\u200e", None]
    before, after = (made.tables.contacts[name].to_list() for name in (FORMER_ID, "reference_id"))
    assert before[0].startswith("0017\u200e-contact-")
    assert after[0].startswith("0017-contact-")
    plain = apply(mapping, "Id|Name|Mail\n0017|Harbor|a@example.com\n0018|Kestrel|b@example.com")
    assert plain.tables.contacts["reference_id"].to_list() == after


def test_reference_ids_from_separate_columns_are_normalized() -> None:
    mapping = (
        f"{BASE}  reference_id: Code\naddresses: [{{type: {{constant: billing}}, reference_id: Ref, city: City}}]\n"
    )
    made = apply(mapping, "Id|Name|Code|Ref|City\n1|A|C\u200b1|R\u00a01|Marlow\n2|B|C2|R2|Marlow")
    assert column(made, "reference_id") == ["C1", "C2"]
    assert [record.get(FORMER_ID) for record in records(made)] == ["C\u200b1", None]
    assert column(made, "reference_id", "address") == ["R 1", "R2"]
    assert [record.get(FORMER_ID) for record in records(made, "address")] == ["R\u00a01", None]


def test_decimals_are_removed_from_a_column_of_ids() -> None:
    made = apply(BASE, "Id|Name\n1001.0|A\n1002.0|B")
    assert column(made, "reference_id") == ["1001", "1002"]
    assert [record[FORMER_ID] for record in records(made)] == ["1001.0", "1002.0"]
    assert problems(made) == [("ids_as_numbers", 2, "Id")]


def test_decimal_commas_are_removed_from_ids() -> None:
    made = apply(BASE, "Id|Name\n1001,0|A\n1002,00|B")
    assert column(made, "reference_id") == ["1001", "1002"]
    assert [record[FORMER_ID] for record in records(made)] == ["1001,0", "1002,00"]
    assert column(apply(BASE, "Id|Name\n1,000|A\n2,000|B"), "reference_id") == ["1,000", "2,000"]


def test_exponents_are_removed_from_long_ids() -> None:
    made = apply(BASE, "Id|Name\n1001.0|A\n1.2345678E7|B\n1.234567E7|C")
    assert column(made, "reference_id") == ["1001", "12345678", "12345670"]
    assert [record[FORMER_ID] for record in records(made)] == ["1001.0", "1.2345678E7", "1.234567E7"]
    assert problems(made) == [("ids_as_numbers", 2, "Id")]


@pytest.mark.parametrize("number", ["1.2E7", "1.23456785E7", "1.2345678E5", "1E7"])
def test_ambiguous_numbers_with_an_exponent_are_kept(number: str) -> None:
    assert column(apply(BASE, f"Id|Name\n{number}|A\n1001.0|B"), "reference_id") == [number, "1001.0"]


@pytest.mark.parametrize("other", ["1002", "A-2", "1002.5"])
def test_ids_that_only_sometimes_end_like_decimals_are_kept(other: str) -> None:
    made = apply(BASE, f"Id|Name\n{other}|B\n1001.0|A")
    assert column(made, "reference_id") == [other, "1001.0"]
    assert problems(made) == ([] if "." in other else [("ids_as_numbers", 3, "Id")])


@pytest.mark.parametrize("text", ["NULL", "N/A", "-", "nan"])
def test_id_that_may_be_a_placeholder_is_reported(text: str) -> None:
    made = apply(BASE, f"Id|Name\n1001|A\n{text}|B")
    assert column(made, "reference_id") == ["1001", text]
    assert problems(made, "severity", "code", "row") == [("warning", "id_like_blank", 3)]


def test_rows_of_other_tables_are_matched_by_normalized_keys() -> None:
    mapping = """
        title: Test
        tables:
          customers: {key: Id, has: [Name]}
          people: {key: Owner, has: [Mail]}
        customer: {company_name: Name}
        contacts: [{table: people, email: Mail}]
    """
    made = apply(mapping, "Id|Name\n1001.0|A\n1002.0|B", "Owner|Mail\n1001|a@example.com\n10\u200b02|b@example.com")
    assert column(made, "email", "contact") == ["a@example.com", "b@example.com"]
    assert {"ids_as_numbers"} == set(made.problems.frame["code"])
    assert made.tables.changes[["column", "count"]].to_numpy().tolist() == [["Id", 2], ["Owner", 1]]
