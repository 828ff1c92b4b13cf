"""Output on all kinds of terminals; it never fails on any of them."""

import io
import json
import re
import subprocess
import sys

import pytest

from importer.cli.output import TerminalProgress, as_json, colored, safe, without_controls
from tests.workflow.desk import ROOT, Terminal


class Screen(Terminal):
    @property
    def seen(self) -> str:
        """The line with the cursor, as it looks in the end."""
        line: list[str] = []
        at = 0
        for character in self.getvalue().rsplit("\n", 1)[-1]:
            at = 0 if character == "\r" else at + 1
            if character != "\r":
                line[at - 1 : at] = [character]
        return "".join(line).rstrip()


def at_terminal(monkeypatch) -> Screen:
    """A terminal as stderr. Not a fixture, because pytest restores its own stream between setup and test."""
    stream = Screen()
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


@pytest.mark.parametrize(
    ("variables", "terminal", "expected"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"FORCE_COLOR": "3", "TERM": "dumb"}, False, True),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_when_output_is_colored(monkeypatch, variables, terminal, expected) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", "linux")
    assert colored(Terminal() if terminal else io.StringIO()) is expected


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "utf-8"])
def test_any_console_encoding_works(desk, encoding) -> None:
    name = "顧客, the list of the regional office that is called by a very long name indeed, so that it is cut.csv"
    desk.write(name, "Id,Name,Phone,Mail,Street,Town\n1,One,,no address,,\n")
    desk.small()
    desk.environment["COLUMNS"] = "60"
    for words in (("mappings", "xero"), ("explain",)):
        assert desk.do(*words, encoding=encoding).code == 0, words
    said = desk.do("check", name, "-m", "small.yaml", encoding=encoding)
    assert (said.code, said.err) == (1, "")
    assert "The only customer" in said.out
    assert ("…" if encoding == "utf-8" else "...") in said.out
    said = desk.do("check", name, "-m", "small.yaml", "--json", encoding=encoding)
    assert json.loads(said.out)["sources"][0]["name"] == name
    said = desk.do("check", "顧客.csv", "-m", "small.yaml", encoding=encoding)
    assert said.code == 2
    assert "no such file" in said.err


def test_output_uses_the_encoding_set_for_python(desk) -> None:
    desk.write("顧客.csv", "Id,Name\n1,\n")
    desk.small()
    desk.environment["PYTHONIOENCODING"] = "ascii"
    said = desk.process("check", "顧客.csv", "-m", "small.yaml")
    assert (said.code, said.err) == (1, "")
    assert "??.csv" in said.out


def test_json_escapes_characters_stdout_cannot_encode(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert as_json({"a": "é…"}) == '{"a":"\\u00e9\\u2026"}'
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    assert as_json({"a": "é…"}) == '{"a":"é…"}'


CONTROLS = "\x1b]0;title\x07\x1b[2J\x9b31m\u202egnp\u2066\r"


def test_control_characters_are_never_printed(desk) -> None:
    name = f"a{CONTROLS}b.csv"
    desk.write(name, f"Id,Name,Phone,Mail,Street,Town,{CONTROLS}\n1,One,,no address{CONTROLS},,,x\n")
    desk.small()
    desk.environment["FORCE_COLOR"] = "1"
    title = json.dumps(f"{CONTROLS} of b.csv")
    desk.write("odd.yaml", (desk.path / "small.yaml").read_text().replace("A small mapping", title))
    for words in (
        ["check", name, "-m", "odd.yaml"],
        ["check", f"absent{name}", "-m", "odd.yaml"],
        ["mappings", "odd.yaml"],
    ):
        said = desk.do(*words)
        text = said.out + said.err
        assert "b.csv" in text
        assert "\ufffd" in text
        assert not set(re.sub(r"\x1b\[[0-9;]+m", "", text)) & set("\x1b\x07\x9b\u202e\u2066\r")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;33mtold\x1b[0m", "\x1b[1;33mtold\x1b[0m"),
        ("\x1b[8mhidden", "\ufffd[8mhidden"),
        ("a\tb\nc", "a\tb\nc"),
        ("père 株式会社 👩\u200d👧 क्\u200dष", "père 株式会社 👩\u200d👧 क्\u200dष"),
        ("a\u202eb\u2069c\x7f", "a\ufffdb\ufffdc\ufffd"),
    ],
)
def test_terminal_text_is_made_safe(text, shown) -> None:
    assert safe(text) == shown


def test_stage_is_shown_and_removed(monkeypatch) -> None:
    terminal = at_terminal(monkeypatch)
    progress = TerminalProgress(quiet=False)
    progress.stage("Reading the sources")
    assert terminal.seen == "Reading the sources ..."
    progress.stage("Validating")
    assert terminal.seen == "Validating ..."
    progress.phase("3 customers are tried again.")
    assert terminal.seen == ""
    progress.stage("Writing")
    progress.close()
    assert terminal.seen == ""
    assert terminal.getvalue().count("\n") == 1
    assert "\x1b" not in terminal.getvalue()


def test_stage_is_cut_to_the_terminal_width(monkeypatch) -> None:
    terminal = at_terminal(monkeypatch)
    monkeypatch.setenv("COLUMNS", "20")
    progress = TerminalProgress(quiet=False)
    progress.stage("Looking up which customers exist")
    assert terminal.seen == "Looking up which cu"


def test_progress_bar_replaces_the_stage_and_is_removed(monkeypatch) -> None:
    terminal = at_terminal(monkeypatch)
    progress = TerminalProgress(quiet=False)
    progress.stage("Planning")
    progress.counts({"pending": 5, "created": 1})
    assert "Planning" not in terminal.seen
    assert "1/6" in terminal.seen
    progress.stage("Writing")  # the bar stays
    assert "1/6" in terminal.seen
    progress.close()
    assert terminal.seen == ""


def test_pace_is_shown_only_once_known(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    now = [1.0]
    progress = TerminalProgress(quiet=False, clock=lambda: now[0])
    progress.counts({"created": 5})  # all at once
    now[0] = 21.0
    progress.counts({"created": 9, "pending": 1})
    assert sys.stderr.getvalue().splitlines() == [
        "5 of 5 customers, 0 failed",
        "9 of 10 customers, 0.2/s, 0 failed, 5 s left",
    ]


def test_no_stages_are_shown_without_a_terminal_or_if_quiet(monkeypatch) -> None:
    plain, loud = io.StringIO(), Terminal()
    for stream, quiet in ((plain, False), (loud, True)):
        monkeypatch.setattr(sys, "stderr", stream)
        progress = TerminalProgress(quiet=quiet)
        progress.stage("Reading")
        progress.close()
        assert stream.getvalue() == ""


def test_help_starts_without_heavy_imports() -> None:
    heavy = {"numpy", "pandas", "pyarrow", "pandera", "pydantic", "aiohttp", "sqlalchemy", "tqdm", "xlsxwriter"}
    light = imported("--help")
    assert not light & {
        *heavy,
        "orjson",
        "jinja2",
        "phonenumbers",
        "importer.mapping",
        "importer.workflow.open_sources",
    }


def test_check_imports_only_what_it_needs(tmp_path) -> None:
    source = tmp_path / "clean.csv"
    source.write_text("Customer ID,Company,Phone,Address 1,City,Country\nA1,Ada Ltd,415 555 0132,1 Main St,Reno,USA\n")
    words = ("check", str(source), "-m", "generic-wide", "--country", "US", "--out", str(tmp_path / "out"))
    loaded = imported(*words)
    assert {"pandera", "jinja2"} < loaded
    assert not loaded & {"nameparser", "xlsxwriter", "fsspec", "openpyxl", "importer.sender", "importer.ledger"}


def imported(*words: str) -> set[str]:
    """The modules that are loaded when a command ends."""
    code = "import sys, importer.cli\ntry: importer.cli.main()\nfinally: print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stderr.splitlines()[-1].split())


def test_colors_in_data_are_removed() -> None:
    data = {"file": "a\x1b[31mred\x9b.csv", "rows": [1, ("x\u202e", None)], "ok": True}
    shown = {"file": "a\ufffdred\ufffd.csv", "rows": [1, ["x\ufffd", None]], "ok": True}
    assert without_controls(data) == shown
    assert safe("\x1b[31mred", colors=False) == "\ufffdred"


@pytest.mark.parametrize("text", ["a\x1b[31m", "a\x9b", "a\u202e", "a\x7f", "a\u200f"])
def test_json_escapes_terminal_control_characters(text: str) -> None:
    line = as_json({"é": text})
    assert json.loads(line) == {"é": text}
    assert not set(line) & set("\x1b\x9b\u202e\x7f\u200f")
