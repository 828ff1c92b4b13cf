"""The named transforms, each on distinct values."""

from pathlib import Path

import pyarrow as pa
import pytest

from importer.errors import MappingError
from importer.mapping.transform_results import TransformResult
from importer.mapping.transforms.registry import TRANSFORMS, parse_step, read_flag, run_step
from importer.records import Severity
from tests.mapping.support import apply, column, problems

HERE = Path(__file__).parent


def run(step: object, *values: str, countries: tuple[str | None, ...] = (), folder: Path = HERE) -> TransformResult:
    texts = pa.array(values, pa.string())
    return run_step(parse_step(step), texts, pa.array(countries or [None] * len(values), pa.string()), folder)


def failures(result: TransformResult) -> list[tuple[int, str, str, str]]:
    """(number, code, message, hint) of every value that failed."""
    return [
        (number, finding.code, *finding.texts(number))
        for finding in result.findings
        for number, chosen in enumerate(finding.chosen)
        if chosen
    ]


@pytest.mark.parametrize(
    ("step", "value", "wanted"),
    [
        ("tidy", "'@Home", "@Home"),
        ("tidy", "'-Harbor'", "'-Harbor'"),
        ("tidy", "'t Hooft", "'t Hooft"),
        ("text", "As It Is", "As It Is"),
        ("upper", "Strand é", "STRAND É"),
        ("lower", "ÀB c", "àb c"),
        ("title", "upper MAIN street", "Upper Main Street"),
        ("collapse", "a\r\n b\u00a0\u00a0c \t d", "a b c d"),
        ({"one_line": ", "}, "12 Main St\r\n  rear\tdoor", "12 Main St, rear, door"),
        ({"one_line": " "}, "12 Main St\u2028rear\x85door\x0bleft", "12 Main St rear door left"),
        ({"one_line": r"\1 "}, "a\nb", r"a\1 b"),
        ("digits", "+1 (415) 5-x", "14155"),
        ("digits", "none", ""),
        ("postcode", "SW1A 1AA, . ", "SW1A 1AA"),
        ("postcode", "02138", "02138"),
        ("unquote", "'0123", "0123"),
        ("unquote", "''a'", "'a'"),
        ({"replace": [".", ""]}, "a.b.c ", "abc"),
        ({"regex": [r"^(\w+):(\w+)$", r"\2 \1"]}, "Parent:Child", "Child Parent"),
        ({"extract": r"\d{5}"}, "TX 78701-22", "78701"),
        ({"extract": r"([A-Z]{2}) \d+"}, "Austin TX 78701", "TX"),
        ({"extract": r"\d+"}, "none", None),
        ("flag", "tYES", "true"),
        ("flag", "F", "false"),
        ("not_flag", "Inactive", "true"),
        ("not_flag", "1", "false"),
        ({"date": "%m/%d/%Y"}, "03/04/2025", "2025-03-04"),
        ({"date": "%d/%m/%Y"}, "03/04/2025", "2025-04-03"),
        ({"date": "%d/%m/%Y"}, "2025-04-03", "2025-04-03"),
        ({"date": "%d/%m/%Y"}, "2025-04-03 00:00:00", "2025-04-03"),
        ("country", "usa", "US"),
        ("country", "U.K.", "GB"),
        ("country", "DEU", "DE"),
        ("country", "Österreich", "AT"),
        ("country", "Côte d'Ivoire", "CI"),
        ("first_name", "Lovelace, Ada King", "Ada King"),
        ("last_name", "Dr. Juan de la Vega Jr.", "de la Vega"),
        ("first_name", "Reception", "Reception"),
        ("last_name", "Reception", None),
    ],
)
def test_transforms_give_the_expected_values(step: object, value: str, wanted: str | None) -> None:
    result = run(step, value)
    assert result.values.to_pylist() == [wanted]
    assert {finding.severity for finding in result.findings} <= {Severity.INFO}


@pytest.mark.parametrize(
    ("value", "country", "wanted"),
    [
        ("California", "US", "CA"),
        ("d.c.", None, "DC"),
        ("Québec", "CA", "QC"),
        ("Ontario", None, "ON"),
        ("on", "CA", "ON"),
        ("Kent", "GB", "Kent"),
        ("Bayern", "DE", "Bayern"),
        ("Nowhere", "US", "Nowhere"),
        ("Ontario", "US|CA", "Ontario"),
        ("New South Wales", "AU|US", "NSW"),
    ],
)
def test_states_are_resolved_by_country(value: str, country: str | None, wanted: str) -> None:
    assert run("state", value, countries=(country,)).values.to_pylist() == [wanted]


@pytest.mark.parametrize(
    ("step", "value", "code", "message", "hint"),
    [
        ("flag", "maybe", "invalid_flag", "is neither yes nor no", "Enter Yes or No"),
        ({"date": "%d/%m/%Y"}, "31/02/2025", "invalid_date", "is not a valid date", "Enter the date as DD/MM/YYYY."),
        ({"date": "%d/%m/%Y"}, "01/02/0019", "invalid_date", "is in the year 19", "Enter the date as DD/MM/YYYY."),
        ({"date": "%d/%m/%Y"}, "31/12/1582", "invalid_date", "is in the year 1582", "Enter the date as DD/MM/YYYY."),
        ("country", "Untied States", "invalid_country", "is not a country", "Did you mean United States (US)?"),
        ("country", "Umber", "invalid_country", "is not a country", "two-letter code"),
        ("email", "ada at example.com", "invalid_email", "is not an email address", "name@example.com"),
    ],
)
def test_failures_say_what_is_wrong_and_what_to_do(
    step: object, value: str, code: str, message: str, hint: str
) -> None:
    result = run(step, value)
    ((number, got_code, got_message, got_hint),) = failures(result)
    assert (number, got_code) == (0, code)
    assert message in got_message
    assert hint in got_hint
    if code != "invalid_email":
        assert result.values.to_pylist() == [None]


def test_one_failure_does_not_affect_other_values() -> None:
    result = run("flag", "yes", "perhaps", "no")
    assert result.values.to_pylist() == ["true", None, "false"]
    assert [number for number, *_ in failures(result)] == [1]


FLAGS = [("Yes", "No"), ("Y", "N"), ("T", "F"), ("TRUE", "FALSE"), ("1", "0"), ("1.0", "0.0"), ("-1", "0")]
FOREIGN_FLAGS = [("Ja", "Nein"), ("Ja", "Nej"), ("Sim", "Não"), ("Tak", "Nie"), ("Ano", "Ne"), ("Kyllä", "Ei")]


@pytest.mark.parametrize(("yes", "no"), [*FLAGS, *FOREIGN_FLAGS, ("tYES", "tNO"), ("x", "-"), ("\u2611", "\u2610")])
def test_flag_texts_used_by_exports_are_read(yes: str, no: str) -> None:
    assert read_flag(f" {yes} ") is True
    assert read_flag(no) is False
    assert read_flag("?") is None


def test_transforms_are_described_and_accept_no_values() -> None:
    arguments = {"pair": ["a", "b"], "text": "%d", "texts": ["a"]}
    for name, spec in TRANSFORMS.items():
        assert spec.about
        if name != "python":
            step = name if spec.argument == "none" else {name: arguments[spec.argument]}
            assert len(run(step).values) == 0


FUNCTIONS = """
calls = []

def shout(text):
    calls.append(text)
    if text == "bad":
        raise ValueError("is bad")
    return None if text == "none" else text.upper()

def broken(text):
    return 1 / 0

def wrong(text):
    return 7
"""
MAPPING = """
title: T
key: Id
customer:
  company_name: Name
  display_name: {from: Name, as: {python: "own.py:%s"}}
"""


def test_function_is_called_once_per_distinct_value(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(FUNCTIONS)
    made = apply(MAPPING % "shout", "Id|Name\n1|one\n2|one\n3|bad\n4|none", folder=tmp_path)
    assert column(made, "display_name") == ["ONE", "ONE", None, None]
    assert problems(made, "code", "row", "message") == [("function_refused", 4, "'bad' is bad")]
    import sys

    assert sys.modules["importer_mapping_own"].calls == ["one", "bad", "none"]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("broken", "broken('x') failed: ZeroDivisionError"),
        ("wrong", "wrong('x') returned int, not text or None"),
        ("absent", "has no function 'absent'"),
    ],
)
def test_function_that_violates_its_contract_is_refused(function: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(FUNCTIONS)
    with pytest.raises(MappingError) as caught:
        apply(MAPPING % function, "Id|Name\n1|x", folder=tmp_path)
    assert message in caught.value.message


def test_missing_or_broken_function_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="no such Python file"):
        apply(MAPPING % "shout", "Id|Name\n1|x", folder=tmp_path)
    (tmp_path / "own.py").write_text("raise RuntimeError('no')")
    with pytest.raises(MappingError, match="RuntimeError: no"):
        apply(MAPPING % "shout", "Id|Name\n1|x", folder=tmp_path)
