"""Guards: for a truncated, unchanged, or old export, or one with a renamed column, nothing is sent; exit code 3."""

import os
from datetime import UTC, datetime

import pytest

from importer.ledger import open_ledger
from importer.workflow import guards

GUARDS = ["--max-fewer", "20%", "--new-file", "--same-layout", "--max-age", 24]


def lines(count: int, header: str = "Id,Name,Phone,Mail,Street,Town", first: int = 0) -> str:
    rows = [f"{number},Firm {number},,,," for number in range(first, first + count)]
    return "\n".join([header, *rows, ""])


def night(desk, box, text: str, *words):
    """One night: write the export, and run the job."""
    desk.small(1)  # the mapping
    desk.write("export.csv", text)
    return desk.run(box.url, "export.csv", "-m", "small.yaml", *words)


def stopped(said, box, guard: str, before: int) -> str:
    """The guard's message, after a check that nothing was sent."""
    assert said.code == 3
    assert box.counts()["customers"] == before
    reason = said.summary["stopped"]
    assert reason.startswith(guard)
    assert "Nothing was sent." in reason
    assert set(said.summary["customers"]) >= {"pending"}
    return str(reason)


def test_normal_nights_pass_the_guards(desk, box) -> None:
    assert night(desk, box, lines(20), *GUARDS).code == 0
    assert night(desk, box, lines(18), *GUARDS).code == 0
    assert night(desk, box, lines(25), *GUARDS).code == 0
    assert box.counts()["customers"] == 25


def test_truncated_export_stops_the_run(desk, box) -> None:
    night(desk, box, lines(20))
    reason = stopped(night(desk, box, lines(15), *GUARDS), box, "--max-fewer 20%: 15 customers, 5 fewer than", 20)
    assert "--max-fewer" in reason.split("sent")[1]
    assert night(desk, box, lines(15), *GUARDS, "--max-fewer", "50%").code == 0
    # With --partial, fewer customers are fine, and the next night is not compared with this run.
    assert night(desk, box, lines(2, first=50), *GUARDS, "--partial").code == 0
    assert night(desk, box, lines(14), *GUARDS).code == 0


def test_runs_that_ended_early_are_not_used_for_comparison(desk, box) -> None:
    night(desk, box, lines(20))
    stopped(night(desk, box, lines(5), *GUARDS), box, "--max-fewer", 20)
    stopped(night(desk, box, lines(5), *GUARDS), box, "--max-fewer", 20)
    night(desk, box, lines(30), "--limit", 1)
    assert night(desk, box, lines(17), *GUARDS).code == 0


def test_unchanged_export_stops_the_run(desk, box) -> None:
    night(desk, box, lines(3))
    assert night(desk, box, lines(3)).code == 0  # guards are optional
    stopped(night(desk, box, lines(3), *GUARDS), box, "--new-file: the files are identical to those of run", 3)
    assert night(desk, box, lines(3), *GUARDS, "--no-new-file").code == 0


def test_renamed_column_or_changed_mapping_stops_the_run(desk, box) -> None:
    night(desk, box, lines(3))
    renamed = lines(4, header="Id,Name,Phone,E-Mail,Street,Town")
    reason = stopped(night(desk, box, renamed, *GUARDS), box, "--same-layout: the columns differ from those of run", 3)
    assert "gone: 'Mail'; new: 'E-Mail'" in reason
    assert night(desk, box, renamed, *GUARDS, "--no-same-layout").code == 0
    mapping = desk.path / "small.yaml"
    night(desk, box, lines(5))
    mapping.write_text(mapping.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    desk.write("export.csv", lines(6))
    said = desk.run(box.url, "export.csv", "-m", "small.yaml", *GUARDS)
    stopped(said, box, "--same-layout: the mapping small has changed since", 5)


def test_old_export_stops_the_run(desk, box) -> None:
    night(desk, box, lines(3))
    desk.write("export.csv", lines(4))
    os.utime(desk.path / "export.csv", (0, datetime(2020, 1, 1, tzinfo=UTC).timestamp()))
    said = desk.run(box.url, "export.csv", "-m", "small.yaml", *GUARDS)
    stopped(said, box, "--max-age 24: export.csv is", 3)


def test_export_that_is_still_being_written_stops_the_run(desk, box, monkeypatch) -> None:
    """The other program's write is patched in between reading and sending; a real one could not be timed."""
    looked = guards.changed_since

    def grows(sources, read):
        with (desk.path / "export.csv").open("a", encoding="utf-8") as file:
            file.write("99,Late Firm,,,,\n")
        os.utime(desk.path / "export.csv", (0, datetime(2040, 1, 1, tzinfo=UTC).timestamp()))
        return looked(sources, read)

    monkeypatch.setattr(guards, "changed_since", grows)
    stopped(night(desk, box, lines(3)), box, "export.csv was changed while being read", 0)


def test_guards_from_a_job_file_can_be_overridden(desk, box) -> None:
    desk.write("job.toml", 'max-fewer = "20%"\nnew-file = true\nmax-age = 24\n')
    night(desk, box, lines(10))
    stopped(night(desk, box, lines(10), "--config", "job.toml"), box, "--new-file", 10)
    stopped(night(desk, box, lines(5), "--config", "job.toml"), box, "--max-fewer", 10)
    assert night(desk, box, lines(10), "--config", "job.toml", "--no-new-file").code == 0


@pytest.mark.parametrize("words", [["--max-age", "0"], ["--max-fewer", "many"], ["--max-changed", "101%"]])
def test_wrong_limits_are_usage_errors(desk, box, words) -> None:
    desk.small(1)
    desk.write("export.csv", lines(1))
    said = desk.do("run", "export.csv", "-m", "small.yaml", "--api", box.url, *words)
    assert said.code == 2
    assert box.counts()["customers"] == 0


NIGHTLY = """\
sources = ["exports/customers-{{newest}}.csv"]
mapping = "small.yaml"
api = "{url}"
mode = "upsert"
rate = 5000
max-fewer = "20%"
max-rejected = "20%"
max-changed = "20%"
max-age = 24
new-file = true
same-layout = true
"""
HEADER = "Id,Name,Phone,Mail,Street,Town"
CHANGED = "\n".join([HEADER, *(f"{number},Other {number},,,," for number in range(20)), ""])
BLANK = "\n".join([HEADER, *(f"{number if number < 12 else ''},Firm {number},,,," for number in range(20)), ""])


BAD_NIGHTS = {  # text, exit code, words of the message, words of the advice
    "truncated": (lines(20)[:200], 3, "--max-fewer 20%", "raise --max-fewer"),
    "yesterday's": (lines(20), 3, "--new-file", "add --no-new-file"),
    "renamed": (lines(21, header="Id,Name,Phone,E-Mail,Street,Town"), 3, "--same-layout", "--no-same-layout"),
    "needed": (lines(21, header="Id,Firm,Phone,Mail,Street,Town"), 2, "Name", "column"),
    "changed": (CHANGED, 3, "--max-changed 20%", "raise --max-changed"),
    "blank ids": (BLANK, 3, "--max-rejected 20%", "raise --max-rejected"),
    "empty": ("", 2, "customers-2030-01-02.csv", "empty"),
    "header only": (f"{HEADER}\n", 2, "no data row", "Export the table again"),
    "absent": (None, 2, "customers-{newest}.csv: no file matches", "whether the export ran"),
}


def test_bad_nights_send_nothing_and_say_why_and_what_to_do(desk, box) -> None:
    """One after the other; none of them is used for the next comparison."""
    desk.small(1)
    desk.write("night.toml", NIGHTLY.format(url=box.url))
    desk.write("exports/customers-2030-01-01.csv", lines(20))
    assert desk.do("run", "--config", "night.toml").code == 0
    for name, given in BAD_NIGHTS.items():
        bad_night(desk, box, name, *given)


def bad_night(desk, box, name: str, text: str | None, code: int, guard: str, way_on: str) -> None:
    before = [seen.method for seen in box.requests()]
    desk.write("exports/customers-2030-01-02.csv", text or "")
    if text is None:
        for path in (desk.path / "exports").iterdir():
            path.unlink()
    said = desk.do("run", "--config", "night.toml")
    assert said.code == code, (name, said.out)
    assert [seen.method for seen in box.requests()][len(before) :].count("GET") <= 1
    assert not {"POST", "PATCH"} & {seen.method for seen in box.requests()[len(before) :]}
    words = " ".join((said.out + said.err).split())
    assert guard in words, name
    assert way_on in words, name
    # Resuming the run would bypass the guard.
    if code == 3:
        assert "resume" not in words
        with open_ledger(desk.state / "importer" / "ledger.db") as ledger:
            stopped = ledger.runs()[0].id
        assert desk.do("resume", stopped).code == 2
    assert box.counts()["customers"] == 20


def test_file_of_unknown_age_is_reported(desk, box, monkeypatch) -> None:
    desk.small(2)
    said = desk.do("run", f"file://{desk.path}/small.csv", "-m", "small.yaml", "--api", box.url, "--max-age", 1)
    assert said.code == 0
    monkeypatch.setattr(guards, "_moments", lambda _: {})
    said = desk.do("run", "small.csv", "-m", "small.yaml", "--api", box.url, "--max-age", 1)
    assert "--max-age: small.csv: it is not known when the file was written" in said.err
