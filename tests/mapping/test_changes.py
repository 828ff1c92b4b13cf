"""Rewritten values are counted by table, column, field, and kind, with the first place and an example."""

import pytest

from tests.mapping.support import BASE, Mapped, apply, column, field, problems, sheet

NAMES = ["code", "entity", "field", "column", "count", "row", "before", "after"]


def changes(mapped: Mapped, *names: str) -> list[tuple[object, ...]]:
    frame = mapped.tables.changes.astype(object).where(mapped.tables.changes.notna(), None)
    return list(frame[list(names or NAMES)].itertuples(index=False, name=None))


def test_rewrites_are_counted_per_column_with_the_first_location() -> None:
    made = field("{from: A, as: upper}", "Id|A\n1|ONE\n2|two\n3|\n4|two\n5|six")
    assert changes(made) == [("text_rewritten", "customer", "display_name", "A", 3, 1, "two", "TWO")]


def test_unchanged_and_trimmed_texts_are_not_changes() -> None:
    assert not changes(field("A", "Id|A\n1|One\n2|\u00a0 Two "))


def test_each_step_and_value_translation_is_counted_separately() -> None:
    made = field("{from: A, as: [collapse, upper], values: {NET 30: NET30}}", "Id|A\n1|net  30")
    assert changes(made, "code", "before", "after") == [
        ("text_rewritten", "net 30", "NET 30"),
        ("text_tidied", "net  30", "net 30"),
        ("value_translated", "NET 30", "NET30"),
    ]


@pytest.mark.parametrize(
    "rule", ["{from: A, as: {extract: '[0-9]+'}}", "{from: A, values: {'7': b}, otherwise: blank}"]
)
def test_omitted_values_are_reported(rule: str) -> None:
    made = field(rule, "Id|A\n1|x\n2|x\n3|7")
    assert ("value_left_out", 2, "x", None) in changes(made, "code", "count", "before", "after")


def test_invalid_value_is_a_problem_not_a_rewrite() -> None:
    made = field("A", "Id|A\n1|nobody\n2|ADA@EXAMPLE.COM", name="email")
    assert changes(made, "code", "count") == [("email_rewritten", 1)]
    assert problems(made, "code") == [("invalid_email",)]


def test_unused_columns_with_different_values_are_counted() -> None:
    made = field("{from: [A, B], take: first}", "Id|A|B\n1|x|y\n2|x|x\n3||y\n4|x|")
    assert column(made, "display_name") == ["x", "x", "y", "x"]
    assert changes(made, "code", "column", "count", "row", "before", "after") == [
        ("value_passed_over", "B", 1, 0, "y", "x")
    ]


def test_rewrites_of_an_unused_column_are_not_counted() -> None:
    made = field("{from: [A, B], take: first, as: upper}", "Id|A|B\n1|X|y\n2||y")
    assert changes(made, "code", "column", "count", "row") == [
        ("value_passed_over", "B", 1, 0),
        ("text_rewritten", "B", 1, 1),
    ]


def test_unused_value_of_a_split_cell_is_an_info() -> None:
    made = field("{from: A, split: ';', take: last}", "Id|A\n1|x; y\n2|z")
    assert column(made, "display_name") == ["y", "z"]
    assert problems(made, "severity", "code", "row", "column", "message") == [
        ("info", "value_not_taken", 2, "A", "'x; y' contains several values; 'y' is used")
    ]


def test_tables_are_counted_separately_without_rows_of_other_records() -> None:
    mapping = """
    title: T
    key: Id
    skip: [{column: Id, is: "9", reason: nine}]
    customer: {company_name: Name}
    addresses:
      - {type: {constant: billing}, address_line_1: {from: S|Street, as: upper}, city: C}
    """
    first = sheet("Id|Name|S|C\n1|a|x|y\n9|b|x|y", "one.csv")
    second = sheet("Id|Name|Street|C\n2|c|x|y\n3|d|x|y", "two.csv")
    made = apply(mapping, first, second)
    assert changes(made, "entity", "field", "column", "count", "row") == [
        ("address", "address_line_1", "S", 1, 0),
        ("address", "address_line_1", "Street", 2, 2),
    ]


def test_cell_used_by_two_records_of_a_kind_counts_once() -> None:
    mapping = """
    title: T
    key: Id
    customer: {company_name: Name}
    addresses:
      - {type: {constant: [billing, shipping]}, address_line_1: S, city: C, country: K}
      - {type: {constant: shipping}, address_line_1: T, city: C, country: K}
    """
    made = apply(mapping, "Id|Name|S|T|C|K\n1|a|x|w|y|USA\n2|a|x|w|y|US")
    assert changes(made, "code", "field", "count", "after") == [("country_rewritten", "country", 1, "US")]


def test_several_values_are_shown_as_a_list() -> None:
    entry = "addresses:\n  - {type: {from: T, values: {BS: [billing, shipping]}}, address_line_1: S, city: S}\n"
    made = apply(BASE + entry, "Id|Name|T|S\n1|Acme|BS|x")
    assert changes(made, "code", "before", "after") == [("value_translated", "BS", "billing, shipping")]


def test_part_of_a_packed_cell_is_counted_at_the_cell() -> None:
    entry = "addresses:\n  - {type: {constant: billing}, lines: [L1, L2, L3]}\n"
    made = apply(BASE + entry, "Id|Name|L1|L2|L3\n1|Acme|Attn: Ada Lovelace|4 Pier Rd|Austin, TX 78701")
    assert changes(made, "column", "after") == [("L1", "Ada"), ("L1", "Lovelace")]


def test_changes_in_keys_are_counted() -> None:
    made = apply("title: T\nkey: {from: Id, as: unquote}\ncustomer: {company_name: N}", "Id|N\n'01|a\n0\u200b2|b")
    assert column(made, "reference_id") == ["01", "02"]
    assert changes(made) == [
        ("text_rewritten", "customer", "reference_id", "Id", 1, 0, "'01", "01"),
        ("key_tidied", "customer", "reference_id", "Id", 1, 1, "0\u200b2", "02"),
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Har\u00adbor\u00a0Goods\u200b", "Harbor Goods"),
        ("Caf\u0065\u0301", "Caf\u00e9"),
        ("\u201cHarbor\u201d Goods", '"Harbor" Goods'),
        ("O\u2019Neil", "O\u2019Neil"),
        ("\u202aHarbor\u202c", "Harbor"),
    ],
)
def test_text_is_tidied(text: str, wanted: str) -> None:
    made = field("A", f"Id|A\n1|{text}\n2|plain")
    assert column(made, "display_name") == [wanted, "plain"]
    assert changes(made, "code", "before", "after") == (
        [("text_tidied", text.strip("\u200b"), wanted)] * (text != wanted)
    )


def test_as_text_keeps_even_invisible_characters() -> None:
    assert column(field("{from: A, as: text}", "Id|A\n1|a\u00a0b"), "display_name") == ["a\u00a0b"]


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
@pytest.mark.parametrize("text", ["Müller", "Škoda", "Łódź", "naïve “so”", "東京"])
def test_text_read_with_the_wrong_encoding_is_a_warning(text: str, encoding: str) -> None:
    garbled = "".join(bytes([byte]).decode(encoding, "replace") for byte in text.encode())
    if "\ufffd" in garbled:
        garbled = "".join(bytes([b]).decode("latin-1") for b in text.encode())
    made = field("A", f"Id|A\n1|{garbled}\n2|{text}")
    told = problems(made, "severity", "code", "row")
    assert told == [("warning", "mojibake", 2)]


@pytest.mark.parametrize("text", ["SÃO PAULO", "Âge", "Ångström", "Ärzte", "Ã la carte", "CÔTÉ", "FAÇADE É", "señor Ñ"])
def test_accented_capitals_are_not_mojibake(text: str) -> None:
    assert not problems(field("A", f"Id|A\n1|{text}"))


def test_change_codes_are_never_problem_codes() -> None:
    made = apply(f"{BASE}  phone: P\n", "Id|Name|P\n1|a|(415) 555-0132\n2|b|call", country="US")
    assert not {code for code, *_ in changes(made)} & {code for (code,) in problems(made, "code")}


def test_split_cell_is_treated_the_same_next_to_cells_with_several_values() -> None:
    rule = "{from: A, split: ';', take: first, as: phone}"
    alone, together = (
        field(rule, f"Id|A\n1|(999)\u00a0555 0132{more}", name="phone", country="US")
        for more in ("", "\n2|4155550133;4155550134")
    )
    assert [line for line in changes(alone) if line[5] == 0] == [line for line in changes(together) if line[5] == 0]
