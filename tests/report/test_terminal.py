"""Terminal output compared with ``tests/report/terminal/``: narrow and wide, with colors and in ASCII."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.report.rejected_workbook import Workbook
from importer.report.terminal import columns_of, cut, in_columns, runs_text, summary_text, wrapped
from tests.report.test_summary import summary

SHOWN = Path(__file__).parent / "terminal"
PAINT = re.compile(r"\x1b\[[0-9;]*m")
PLACE = "顧客一覧 2026, exported from the regional office.xlsx!株式会社:7 [Téléphone]"
RUNS = [
    {
        "run_id": "20260102-030405",
        "tenant": "株式会社サンプル",
        "mapping": "netsuite",
        "exit_code": 1,
        "customers": {"read": 240, "created": 237, "updated": 0, "rejected": 3},
    },
    {"run_id": "20260101-030405", "tenant": "Example", "mapping": "sap-business-one", "exit_code": 0, "customers": {}},
    {"run_id": "20260101-020304", "tenant": "x", "mapping": "xero", "exit_code": None, "customers": {"pending": 5}},
]


def built() -> dict[str, Any]:
    """A summary with whatever makes lines long: reasons, wide characters, commands."""
    options = {"mapping": "xero", "country": "US", "api": "staging"}
    made = summary(retryable=1, workbook=Workbook(9, 0), options=options, files=("results.csv", "rejected.xlsx"))
    first, *rest = made["problems"]
    return made | {"problems": [{**first, "first": PLACE, "count": 12_345}, *rest]}


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("form", ["plain", "color", "ascii"])
def test_summary_matches_the_approved_text(width: int, form: str) -> None:
    found = summary_text(built(), width=width, color=form == "color", unicode=form != "ascii")
    assert found + "\n" == (SHOWN / f"summary-{width}-{form}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [40, 80, 120])
def test_history_matches_the_approved_text(width: int) -> None:
    found = runs_text(RUNS, width=width, color=False)
    assert found + "\n" == (SHOWN / f"runs-{width}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [40, 47, 60, 72, 80, 200])
def test_lines_fit_and_colors_change_no_text(width: int) -> None:
    plain, painted = (summary_text(built(), width=width, color=color) for color in (False, True))
    assert "\x1b" not in plain
    assert PAINT.sub("", painted) == plain
    assert painted.startswith("\x1b[1;33m")
    copied = ("Files in", "    importer ")  # never cut
    assert max(columns_of(line) for line in plain.splitlines() if not line.startswith(copied)) <= width
    lines = runs_text(RUNS, width=width, color=False).splitlines()
    assert max(map(columns_of, lines)) <= width


@pytest.mark.parametrize(
    ("ceiling", "throttled", "said"),
    [
        (
            50.0,
            6,
            "Pace  49.3 requests per second, limited by --rate 50; 1,031 s waiting, 6 of 1,680 responses were 429",
        ),
        (None, 0, "Pace  49.3 requests per second, adjusted automatically; 1,031 s waiting"),
    ],
)
def test_pace_reached_is_shown(ceiling: float | None, throttled: int, said: str) -> None:
    pace = {"requests": 1680, "throttled": throttled, "waited_seconds": 1031.4, "reached_per_second": 49.3}
    sent = built() | {"pace": pace | {"ceiling": ceiling}, "timings": {"send": 34.1}}
    assert said in summary_text(sent, width=120, color=False).splitlines()
    narrow = summary_text(sent, width=40, color=False)
    (block,) = (block for block in narrow.split("\n\n") if block.startswith("Pace"))
    assert block.split() == said.split()


@pytest.mark.parametrize(("requests", "seconds", "shown"), [(50, 5.0, True), (49, 60.0, False), (5000, 4.9, False)])
def test_no_pace_is_shown_for_a_few_requests(requests: int, seconds: float, shown: bool) -> None:
    pace = {"requests": requests, "throttled": 0, "waited_seconds": 0, "reached_per_second": 10.0, "ceiling": None}
    text = summary_text(built() | {"pace": pace, "timings": {"send": seconds}}, width=80, color=False)
    assert ("Pace" in text) == shown
    assert "Pace" not in summary_text(built() | {"pace": pace | {"reached_per_second": None}}, width=80, color=False)


def test_headline_is_first_and_commands_are_not_wrapped() -> None:
    lines = summary_text(built(), width=40, color=False).splitlines()
    assert lines[0].startswith("1 of 5 customers was rejected")
    assert [line for line in lines if line.startswith("    importer ")] == [
        "    importer retry 20260102-030405-ab",
        "    importer run results/20260102-030405-ab/rejected.xlsx --partial --mode upsert",
        "    importer correct results/20260102-030405-ab/rejected.xlsx --to corrections.csv",
    ]
    assert lines[-1].startswith("  rejected.xlsx, results.csv")


def test_headline_is_red_if_the_run_stopped() -> None:
    for code, color in ((3, "31"), (0, "32")):
        assert summary_text(built() | {"exit_code": code}, width=80, color=True).startswith(f"\x1b[1;{color}m")


TEXTS = st.text(st.sampled_from("ab é\u0301株式会社😀…\u200b"), max_size=40)


@given(text=TEXTS, width=st.integers(4, 30), end=st.booleans())
def test_cut_text_fits_and_keeps_one_end(text: str, width: int, end: bool) -> None:
    found = cut(text, width, mark="...", end=end)
    assert columns_of(found) <= width
    if found != text:
        assert "..." in found
        assert text.endswith(found[3:]) if end else text.startswith(found[:-3])


@given(text=TEXTS, width=st.integers(1, 30))
def test_wrapping_loses_and_breaks_no_word(text: str, width: int) -> None:
    lines = wrapped(text, width, first="> ", rest="  ")
    assert " ".join(line[2:] for line in lines).split() == text.split()
    assert all(columns_of(line) <= width or len(line.split()) <= 1 + line.startswith(">") for line in lines)


def test_wide_and_combining_characters_have_their_width() -> None:
    assert [columns_of(text) for text in ("ab", "株式", "e\u0301", "😀", "a\u200b")] == [2, 4, 1, 2, 1]
    assert in_columns(["株", "long", "x"], [4, 2, 1]) == "株    long  x"
