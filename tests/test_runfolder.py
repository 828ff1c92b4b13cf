"""A run's folder: only its owner can read it, and a saved stage is loaded unchanged."""

import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest

from importer.errors import OutputError
from importer.records import Location, Problem, Severity
from importer.run_folder import RunFolder, Stage, new_run_id
from importer.tables import BOOLEAN, DEFAULT_STATED, TEXT, ProblemTable
from tests.support import make_tables

RUN = "20250331-140502-430b"


def make_stage() -> Stage:
    sources, tables = make_tables(
        [
            {"reference_id": "007", "company_name": "Ünï & Söhne", "assigned_sales_rep_ids": ["a", "b"], "phone": None},
            {
                "reference_id": "C,2",
                "company_name": "two\nlines",
                "assigned_sales_rep_ids": None,
                "phone": "+14155550101",
            },
        ],
        [{"customer": 1, "reference_id": "A1", "city": "Anytown", "type": "billing", "is_default": True}],
        [{"customer": 0, "reference_id": "P1", "first_name": "Ann", "is_default": None}],
        blank={"customer phone"},
        drop={"contact"},
        lookups={"assigned_sales_rep_ids": "sales_rep"},
        constants={"address type"},
        sheet="Sheet 1",
    )
    notes = (
        Problem(Severity.INFO, "unused", "a column", location=Location("customers.csv", "Sheet 1", None, "Fax")),
        Problem(Severity.WARNING, "odd", "no place"),
    )
    (source,) = sources.tables
    sources = replace(sources, tables=(replace(source, secrets=frozenset({"Card"})),), problems=notes)
    tables = replace(
        tables, customer_field_rows={"phone": np.array([0, 3])}, unused_columns={"customers.csv": ("Fax", "Fax#2")}
    )
    wrong = ProblemTable.build(
        2, severity=Severity.ERROR, code="invalid_phone", customer=np.array([1, 1]), entity="customer",
        record=np.array([1, 1]), field=["phone", None], row=np.array([1, 1]), column="customer phone",
        value=["555", None], message="no number", hint="",
    )  # fmt: skip
    yes = np.array([False, True])
    return Stage(sources, tables, wrong, yes, ~yes, {"command": "run", "options": {"rate": 5.5, "only": ["ä"]}})


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    return RunFolder.create(tmp_path / "out" / "deep", RUN)


def test_run_id_has_its_utc_time_and_a_random_part() -> None:
    moment = datetime(2025, 3, 31, 16, 5, 2, tzinfo=timezone(timedelta(hours=2)))
    names = {new_run_id(moment) for _ in range(20)}
    assert {name[:16] for name in names} == {"20250331-140502-"}
    assert len(names) > 15
    assert new_run_id(moment) < new_run_id(datetime(2025, 4, 1, tzinfo=UTC))


def test_stage_is_read_back_unchanged(folder) -> None:
    kept = make_stage()
    folder.save(kept)
    back = folder.load()
    assert back.facts == kept.facts
    assert back.sources.problems == kept.sources.problems
    (one,), (other,) = back.sources.tables, kept.sources.tables
    assert (one.file, one.sheet, one.secrets, one.details) == (other.file, other.sheet, other.secrets, other.details)
    pd.testing.assert_frame_equal(one.frame, other.frame)
    pd.testing.assert_frame_equal(one.skipped, other.skipped, check_dtype=False)
    np.testing.assert_array_equal(one.row_numbers, other.row_numbers)
    np.testing.assert_array_equal(one.broken, other.broken)
    for name in ("customers", "addresses", "contacts", "rows"):
        pd.testing.assert_frame_equal(
            getattr(back.tables, name), getattr(kept.tables, name), check_dtype=name != "rows"
        )
    assert back.tables.entries == kept.tables.entries
    assert back.tables.unused_columns == kept.tables.unused_columns
    assert back.tables.customer_field_rows.keys() == {"phone"}
    np.testing.assert_array_equal(back.tables.customer_field_rows["phone"], [0, 3])
    pd.testing.assert_frame_equal(back.problems.frame, kept.problems.frame)
    np.testing.assert_array_equal(back.rejected, kept.rejected)
    np.testing.assert_array_equal(back.lost_child, kept.lost_child)


def test_folder_of_an_earlier_version_states_no_defaults(folder) -> None:
    stage = make_stage()
    before = {name: getattr(stage.tables, name).drop(columns=DEFAULT_STATED) for name in ("addresses", "contacts")}
    folder.save(replace(stage, tables=replace(stage.tables, **before)))
    back = folder.load().tables
    assert (back.addresses[DEFAULT_STATED].tolist(), back.contacts[DEFAULT_STATED].tolist()) == ([False], [False])
    assert folder.load().tables.addresses[DEFAULT_STATED].dtype == BOOLEAN


def test_bodies_exist_only_after_they_are_saved(folder) -> None:
    bodies = pd.DataFrame(
        {
            "position": np.array([0, 5]),
            "reference_id": pd.Series(["007", "C,2"], dtype=TEXT),
            "offset": np.array([0, 9]),
        }
    )
    folder.save(make_stage())
    assert folder.load_bodies() is None
    folder.save_bodies(bodies)
    back = folder.load_bodies()
    assert back is not None
    pd.testing.assert_frame_equal(back, bodies)


def test_run_folder_is_private(folder) -> None:
    folder.save(make_stage())
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder.path, folder.work)} == {0o700}
    files = [path for path in folder.work.rglob("*") if path.is_file()]
    assert len(files) > 8
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_folder_that_cannot_be_created_names_the_option(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match="file") as caught:
            RunFolder.create(out, RUN)
        assert "--out" in caught.value.hint


def test_existing_folder_is_not_written_to(folder) -> None:
    with pytest.raises(OutputError, match="exists"):
        RunFolder.create(folder.path.parent, RUN)


def test_stage_cannot_be_saved_in_a_missing_folder(tmp_path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        RunFolder(tmp_path / "gone" / RUN).save(make_stage())


@pytest.mark.parametrize("damage", ["gone", "empty", "half"])
def test_damaged_stage_is_detected(folder, damage) -> None:
    folder.save(make_stage())
    for path in sorted(folder.work.iterdir()):
        whole = path.read_bytes()
        if damage == "gone":
            path.unlink()
        else:
            path.write_bytes(whole[: len(whole) // 2] if damage == "half" else b"")
        with pytest.raises(OutputError, match="missing or incomplete") as caught:
            folder.load()
        assert "with the same sources" in caught.value.hint
        path.write_bytes(whole)
    folder.load()


def test_damaged_bodies_are_detected(folder) -> None:
    folder.save(make_stage())
    folder.save_bodies(pd.DataFrame({"position": np.arange(1000)}))
    path = folder.work / "bodies.arrow"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(OutputError, match="missing or incomplete"):
        folder.load_bodies()
