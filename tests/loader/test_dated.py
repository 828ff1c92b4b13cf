"""Dates in the names of sources."""

from datetime import datetime, timedelta, timezone

import pytest

from importer.errors import SourceError, UsageError
from importer.loader import dated

NOW = datetime(2030, 3, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("exports/customers-{date}.csv", "exports/customers-2030-03-01.csv"),
        ("c-{date:%Y%m%d}.csv", "c-20300301.csv"),
        ("c-{date-1:%d.%m.%y}.csv", "c-28.02.30.csv"),
        ("{date:%Y}/{date:%m}/c-{date+1}.csv", "2030/03/c-2030-03-02.csv"),
        ("https://example.com/c-{date}.csv?key=a", "https://example.com/c-2030-03-01.csv?key=a"),
        ("c-{date}-*.csv", "c-2030-03-01-*.csv"),
        ("plain.csv", "plain.csv"),
        ("{braces}.csv", "{braces}.csv"),
        ("{}.csv", "{}.csv"),
    ],
)
def test_date_in_the_name_is_today(source, name) -> None:
    assert dated([source, "other.csv"], NOW) == (name, "other.csv")


@pytest.fixture
def folder(tmp_path):
    for name in ("c-20300228.csv", "c-20291231.csv", "c-20300299.csv", "c-latest00.csv", "d-2030-02-27.csv", "d-x.csv"):
        (tmp_path / name).write_text("")
    for name in ("2030-01-31", "2030-02-01", "old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.csv").write_text("")
        (tmp_path / name / "b.csv").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("c-{newest:%Y%m%d}.csv", ["c-20300228.csv"]),
        ("d-{newest}.csv", ["d-2030-02-27.csv"]),
        ("?-{newest:%Y%m%d}.*", ["c-20300228.csv"]),
        ("{newest}/*.csv", ["2030-02-01/a.csv", "2030-02-01/b.csv"]),
    ],
)
def test_newest_matching_file_is_used(folder, source, names) -> None:
    assert dated([f"{folder}/{source}"], NOW) == tuple(f"{folder}/{name}" for name in names)


@pytest.mark.parametrize("source", ["e-{newest}.csv", "c-{newest}.csv", "d-{newest:%Y%m%d}.csv", "old-{newest}/*.csv"])
def test_no_matching_file_is_an_error(folder, source) -> None:
    with pytest.raises(SourceError, match="no file matches") as caught:
        dated([f"{folder}/{source}"], NOW)
    assert source in caught.value.message


@pytest.mark.parametrize(
    "source",
    ["{newest}-{newest}.csv", "{newest:%b}.csv", "{newest:x}.csv", "{newest-1}.csv", "s3://bucket/{newest}.csv"],
)
def test_invalid_date_placeholders_are_refused(source) -> None:
    with pytest.raises(UsageError) as caught:
        dated([source], NOW)
    assert caught.value.hint
