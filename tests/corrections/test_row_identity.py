"""A correction is applied only to the row that it was recorded for, whatever happened to the export."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.corrections.corrected_sources import corrected
from importer.corrections.corrections_file import CorrectionFile
from importer.corrections.recording import NewCorrection, record
from importer.tables import Sources
from tests.corrections.tables import original, recorded, source_table, sources_of

NAMES = ("Key", "Name", "City", "Note", "Phone")
CELL = st.sampled_from(["", "a", "b"])
ROW = st.tuples(st.sampled_from(["", "1", "2", "3"]), CELL, CELL, CELL, st.sampled_from(["", "bad", "worse"]))


def outcome(sources: Sources) -> dict[str, Any]:
    assert sources.corrections is not None
    return {name: sources.corrections.lines[name].tolist() for name in ("status", "row", "reason")}


def applied(rows: list[tuple[str, ...]], file: Any) -> list[int]:
    """The rows that were changed, after a check that exactly these are reported."""
    found = corrected(sources_of(source_table(NAMES, rows)), file)
    frame = found.tables[0].frame
    changed = [at for at, row in enumerate(rows) if tuple(frame.iloc[at]) != row]
    for at in changed:
        for before, after, new in zip(rows[at], frame.iloc[at], ("", "", "c", "", "good"), strict=True):
            assert after in {before, new}, "no other cell"
    lines = outcome(found)
    assert sorted({row for row, how in zip(lines["row"], lines["status"], strict=True) if how == "applied"}) == changed
    return changed


@settings(max_examples=150)
@given(st.data(), st.lists(ROW, min_size=1, max_size=6))
def test_correction_is_never_applied_to_another_row(data: st.DataObject, rows: list[tuple[str, ...]]) -> None:
    """Rows are sorted, inserted, duplicated, or deleted. Only the recorded row, or an equal one, is corrected."""
    target = data.draw(st.integers(0, len(rows) - 1))
    cells = [(target, "Phone", "good"), (target, "City", "c")][: data.draw(st.integers(1, 2))]
    file = recorded(source_table(NAMES, rows), *cells)
    if not file.corrections:
        assert rows.count(rows[target]) > 1, "rows that are the same are corrected together"
        return
    assert applied(rows, file) == [target]
    night = [(row, place == target) for place, row in enumerate(rows)]
    night += [(row, False) for row in data.draw(st.lists(ROW, max_size=4))]
    night += [(night[place][0], False) for place in data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=2))]
    night = data.draw(st.permutations(night))
    gone = data.draw(st.sets(st.integers(0, len(night) - 1), max_size=3))
    night = [one for place, one in enumerate(night) if place not in gone]
    own = rows[target]
    for at in applied([row for row, _ in night], file):
        row, same = night[at]
        twins = [one for one, _ in night if one == own]
        if (
            not same
            and len(cells) == 2
            and (*row[:2], own[2], row[3], own[4]) == own
            and {row[2], row[4]} & {"c", "good"}
        ):
            assert row not in rows  # one of the corrections was made in the ERP
        elif not same and row != own:  # the row is gone or changed, and only this one has its key
            assert not twins
            assert own[0]
            assert [one[0] for one in rows].count(own[0]) == 1
            assert [one[0] for one, _ in night].count(own[0]) == 1
            alike = [text == before for text, before in zip(row[1:4], own[1:4], strict=True) if before]
            assert 2 * sum(alike) >= len(alike) > 0
        assert row[4] == own[4] or len(cells) == 2
        assert len(twins) <= 1


WIDE = [("1", "Ann", "Ulm", "x", "bad"), ("2", "Bob", "Ulm", "x", "bad"), ("3", "Cid", "Bonn", "", "ok")]
LONG = [("1", "Ann", "Ulm", "x", "bad"), ("1", "Ann", "Bonn", "x", "bad"), ("1", "Bob", "Ulm", "x", "ok")]


@pytest.mark.parametrize(
    ("rows", "target", "night", "status"),
    [
        (WIDE, 0, WIDE[::-1], "applied"),
        (WIDE, 0, [("1", "Ann", "Ulm", "new", "bad"), *WIDE[1:]], "applied"),  # another cell of the row was changed
        (WIDE, 0, [("1", "Eve", "Rom", "new", "bad"), *WIDE[1:]], "stale"),  # the key now belongs to someone else
        (WIDE, 0, [("1", "Ann", "Ulm", "x", "good"), *WIDE[1:]], "removable"),
        (WIDE, 0, [("1", "Ann", "Ulm", "x", "other"), *WIDE[1:]], "stale"),
        (WIDE, 0, [WIDE[0], *WIDE], "stale"),  # duplicated, so it is ambiguous
        (WIDE, 0, WIDE[1:], "stale"),
        (WIDE, 0, [("9", *WIDE[0][1:]), *WIDE[1:]], "stale"),  # another key
        (LONG, 0, LONG[::-1], "applied"),
        (LONG, 0, LONG[1:], "stale"),  # another row of the same customer with the same wrong text does not count
        (LONG, 0, [("1", "Ann", "Ulm", "new", "bad"), *LONG[1:]], "stale"),
        ([("", "Ann", "Ulm", "", "bad"), ("", "Bob", "", "", "bad")], 0, [("", "Bob", "", "", "bad")], "stale"),
        ([("", "Ann", "Ulm", "", "bad")], 0, [("", "Bob", "", "", "bad"), ("", "Ann", "Ulm", "", "bad")], "applied"),
    ],
)  # fmt: skip
def test_correction_has_the_right_status(rows: Any, target: int, night: Any, status: str) -> None:
    found = corrected(
        sources_of(source_table(NAMES, night)), recorded(source_table(NAMES, rows), (target, "Phone", "good"))
    )
    assert outcome(found)["status"] == [status]


def test_identical_rows_are_corrected_together_or_not_at_all() -> None:
    twice = source_table(NAMES, [WIDE[0], WIDE[0], WIDE[1]])
    file = recorded(twice, (0, "Phone", "good"), (1, "Phone", "good"))
    assert len(file.corrections) == 1
    for night, count in ((2, 2), (1, 1), (3, 0)):
        found = corrected(sources_of(source_table(NAMES, [WIDE[0]] * night)), file)
        assert outcome(found)["status"].count("applied") == count
    assert not recorded(twice, (0, "Phone", "good")).corrections


def test_one_of_two_corrections_of_a_row_becomes_removable() -> None:
    rows = [("1", "Ann", "Ulmm", "", "bad"), ("1", "Bob", "Bonn", "", "bad")]
    file = recorded(source_table(NAMES, rows), (0, "City", "Ulm"), (0, "Phone", "good"))
    night = source_table(NAMES, [("1", "Ann", "Ulm", "", "bad"), rows[1]])
    found = corrected(sources_of(night), file)
    assert outcome(found)["status"] == ["removable", "applied"]
    assert outcome(found)["row"] == [0, 0]


def test_corrected_key_and_another_correction_in_its_row_are_applied() -> None:
    rows = [("", "Ann", "Ulm", "", "bad"), ("2", "Bob", "Bonn", "", "ok")]
    file = recorded(source_table(NAMES, rows), (0, "Key", "1"), (0, "Phone", "good"))
    found = corrected(sources_of(source_table(NAMES, rows)), file)
    assert outcome(found)["status"] == ["applied", "applied"]
    assert found.tables[0].frame.iloc[0].tolist() == ["1", "Ann", "Ulm", "", "good"]
    mended = source_table(NAMES, [("1", "Ann", "Ulm", "", "good"), rows[1]])
    assert outcome(corrected(sources_of(mended), file))["status"] == ["removable", "removable"]


def test_moved_columns_and_respelled_headers_are_matched() -> None:
    file = recorded(source_table(NAMES, WIDE), (0, "Phone", "good"))
    moved = source_table(NAMES[::-1], [row[::-1] for row in WIDE], file="customers_2026-11-28.csv")
    assert outcome(corrected(sources_of(moved), file))["status"] == ["applied"]
    renamed = source_table(("Key", "Name", "Town", "Note", "phone*"), WIDE)
    assert outcome(corrected(sources_of(renamed), file))["status"] == ["applied"]
    gone = source_table(("Key", "Name", "City", "Note", "Telephone"), WIDE)
    assert outcome(corrected(sources_of(gone), file))["reason"] == ["the source has no column 'Phone'"]


def test_blank_key_in_a_continuation_row_means_the_customer_above() -> None:
    rows = [("1", "Ann", "", "", ""), ("", "", "Ulm", "", "bad"), ("2", "Bob", "", "", ""), ("", "", "Ulm", "", "bad")]
    table = source_table(NAMES, rows, continued=True)

    whole = original(table, ["1", "1", "2", "2"])
    file = record(CorrectionFile(Path("c")), [NewCorrection(whole, 3, "Phone", "good", "")], run="r", recorded="").file
    assert outcome(corrected(sources_of(table), file))["row"] == [3]
    night = source_table(NAMES, rows[:2], continued=True)
    assert outcome(corrected(sources_of(night), file))["status"] == ["stale"]
