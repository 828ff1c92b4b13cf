"""Options, the config file, and the key: what is accepted, what is refused, and with which message."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from importer.errors import OptionError, UsageError
from importer.settings import KEY_VARIABLE, Options, default_ledger, placed, read_config, read_key
from importer.settings.options import Share

KEY = "wc-live-9f8e7d6c5b4a"
KNOWN = ("out", "batch_size", "sources")


@pytest.mark.parametrize(
    ("text", "count", "total", "passed"),
    [
        *[("20", 20, 1000, False), ("20", 21, 1000, True), ("0", 0, 10, False), ("0", 1, 10, True)],
        *[("5%", 5, 100, False), ("5%", 6, 100, True), (" 2.5 % ", 5, 200, False), ("2.5%", 6, 200, True)],
        *[("0%", 1, 1_000_000, True), ("100%", 10, 10, False), ("5%", 0, 0, False)],
    ],
)
def test_share_is_exceeded_only_above_its_limit(text, count, total, passed) -> None:
    assert Share.parse(text).passed_by(count, total) is passed


@pytest.mark.parametrize("text", ["", "%", "five", "-1", "101%", "2.5", "5%%", "1e3", "nan", "∞"])
def test_invalid_share_is_refused_with_an_example(text) -> None:
    with pytest.raises(OptionError, match=r"^--max-fewer: ") as caught:
        Options(max_fewer=text)
    assert "20 or 5%" in caught.value.hint


@pytest.mark.parametrize(("text", "shown"), [("20", "20"), ("5%", "5%"), ("2.50%", "2.5%")])
def test_share_is_shown_as_given(text, shown) -> None:
    assert str(Share.parse(text)) == shown


NUMBERS = [
    "rate",
    "concurrency",
    "batch_size",
    "timeout",
    "limit",
    "max_failed",
    "max_age",
    "deadline",
    "max_wait",
    "keep",
]
NONSENSE = [0, -1, math.nan, math.inf, 10**30, True, False, "", "many", "-1", "nan", "1e400", [1], {"a": 1}, b"5"]


@pytest.mark.parametrize("name", NUMBERS)
def test_invalid_numbers_are_refused_with_the_option_name(name) -> None:
    assert not_refused(name, NONSENSE, hint=("Enter ", "Use ")) == []


@pytest.mark.parametrize("name", ["mode", "on_conflict", "dedupe", "log_level", "delimiter", "engine"])
def test_invalid_choices_are_refused_with_the_option_name(name) -> None:
    blank = ";;" if name == "delimiter" else ""
    assert not_refused(name, [blank, "perhaps", True, 5, math.nan, [], ["create"]], hint=("Enter ", "Use ")) == []


@pytest.mark.parametrize("name", ["strict", "partial", "yes", "new_file", "same_layout", "accept_key"])
def test_flag_must_be_true_or_false(name) -> None:
    assert not_refused(name, [0, 1, "true", "", [], math.nan], said="true or false") == []


def not_refused(name: str, values: list[object], *, said: str = "", hint: str | tuple[str, ...] = "") -> list[object]:
    """The values that are accepted, or refused with an error that lacks the option's name, ``said``, or ``hint``."""
    wrong = []
    for value in values:
        try:
            Options(**{name: value})
        except OptionError as error:
            named = error.message.startswith(f"--{name.replace('_', '-')}: ") and error.exit_code == 2
            if named and said in f"{error.message} {error.hint}" and error.hint.startswith(hint):
                continue
        wrong.append(value)
    return wrong


@pytest.mark.parametrize("name", ["tenant", "ledger", "out", "sheet", "lookups", "mapping", "api", "plan", "log"])
def test_text_option_must_be_text(name) -> None:
    assert not_refused(name, [True, [], {}, "a\0b", b"x"]) == []


@pytest.mark.parametrize("name", ["sources", "only"])
def test_list_option_must_contain_texts(name) -> None:
    assert not_refused(name, [5, True, [True], [["a"]], ["a\0"]]) == []


def test_options_are_parsed_and_parsed_values_are_accepted() -> None:
    """Flags and variables give text, config files give TOML values, and plans and ledgers give JSON values."""
    texts = {
        "rate": "20", "concurrency": "8", "timeout": "2.5", "max_wait": "1h30m", "settle": "0", "limit": "3",
        "max_fewer": "5%", "memory": "1GiB", "country": "us", "delimiter": "tab", "sheet": 2024, "out": "here",
        "sources": ["a.csv"], "only": "C1", "mode": "upsert", "keep": 4, "deadline": 60, "log_level": "INFO",
    }  # fmt: skip
    read = Options(**texts)
    assert (read.rate, read.concurrency, read.timeout, read.max_wait, read.settle) == (20.0, 8, 2.5, 5400.0, 0.0)
    assert (read.limit, read.max_fewer, read.memory, read.country) == (3, Share(5, percent=True), 1 << 30, "US")
    assert (read.delimiter, read.sheet, read.out, read.sources) == ("\t", "2024", Path("here"), ("a.csv",))
    assert (read.only, read.keep, read.deadline, read.log_level) == (frozenset({"C1"}), 4, 60.0, "info")
    assert replace(read) == read
    assert Options(**{name: value for name, value in read.plain().items() if value is not None}) == read
    assert Options(rate="auto", memory="Auto") == Options()
    assert Options().max_wait == 900


def test_options_stored_by_a_run_or_plan_are_checked_and_named() -> None:
    with pytest.raises(OptionError, match=r"^run 7: on-conflict: 'perhaps' is not valid\n"):
        Options().kept({"on_conflict": "perhaps"}, "run 7")


def test_reports_show_chosen_options_but_not_the_key_file() -> None:
    chosen = Options(api="staging", only=frozenset("ba"), max_rejected=Share.parse("5%"), api_key_file=Path("secret"))
    shown = chosen.public()
    assert (shown["only"], shown["max_rejected"], shown["rate"]) == (["a", "b"], "5%", "auto")
    assert not {"limit", "strict", "tenant", "api_key_file"} & shown.keys()
    assert "secret" not in str(shown)


@pytest.mark.parametrize(
    ("environment", "folder"),
    [({"XDG_STATE_HOME": "/state"}, "/state"), ({"XDG_STATE_HOME": ""}, "~/.local/state"), ({}, "~/.local/state")],
)
def test_ledger_is_in_the_state_folder(environment, folder) -> None:
    assert default_ledger(environment) == str(Path(folder).expanduser() / "importer" / "ledger.db")


def write(path: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def test_config_file_accepts_hyphens_and_underscores(tmp_path) -> None:
    path = write(tmp_path / "a.toml", '\ufeffbatch-size = 5\nout = "here"\nsources = ["a.csv", "b.csv"]\n')
    assert read_config(path, KNOWN) == {"batch_size": 5, "out": "here", "sources": ["a.csv", "b.csv"]}
    path = write(tmp_path / "b.toml", "batch_size = 5\n")
    assert read_config(path, KNOWN) == {"batch_size": 5}


@pytest.mark.parametrize(
    ("text", "said"),
    [("outt = 1\n", "'outt'"), ("out = \n", "not valid TOML"), (b"out = '\xff'\n", "not valid TOML")],
)
def test_wrong_config_file_is_named(tmp_path, text, said) -> None:
    path = write(tmp_path / "wrong.toml", text)
    with pytest.raises(UsageError) as caught:
        read_config(path, KNOWN)
    assert caught.value.message.startswith(str(path))
    assert said in caught.value.message


def test_unknown_option_is_reported_with_the_nearest_or_all_options(tmp_path) -> None:
    with pytest.raises(UsageError, match="'zone'\n") as caught:
        read_config(write(tmp_path / "wrong.toml", "zone = 1\n"), KNOWN)
    assert caught.value.hint == "Options: batch-size, out, sources."
    with pytest.raises(UsageError, match=r"'batch-sise' \(did you mean batch-size\?\)$") as caught:
        read_config(write(tmp_path / "wrong.toml", "batch-sise = 1\n"), KNOWN)
    assert caught.value.hint == ""


def test_paths_in_a_config_file_are_relative_to_its_folder() -> None:
    written = {
        "sources": ["a.csv", "/b.csv", "https://example.com/c.csv", "zip://a.csv::https://example.com/c.zip"],
        "mapping": "own.yaml", "out": "../results", "ledger": "postgresql://host/db", "api_key_file": "key",
        "log": "-", "lookups": "names.json", "country": "US", "keep": 3,
    }  # fmt: skip
    assert placed(written, Path("/jobs")) == {
        "sources": ["/jobs/a.csv", "/b.csv", "https://example.com/c.csv", "zip://a.csv::https://example.com/c.zip"],
        "mapping": "/jobs/own.yaml", "out": "/jobs/../results", "ledger": "postgresql://host/db",
        "api_key_file": "/jobs/key", "log": "-", "lookups": "/jobs/names.json", "country": "US", "keep": 3,
    }  # fmt: skip
    assert placed({"mapping": "netsuite", "ledger": "l.db"}, Path("/jobs"))["mapping"] == "netsuite"
    assert placed({"mapping": "maps/own", "log": "~/a.log"}, Path("/jobs")) == {
        "mapping": "/jobs/maps/own", "log": str(Path.home() / "a.log"),
    }  # fmt: skip


def test_missing_config_file_is_named(tmp_path) -> None:
    with pytest.raises(UsageError, match=r"absent\.toml: no such file\nCheck --config\."):
        read_config(tmp_path / "absent.toml", KNOWN)
    with pytest.raises(UsageError, match="cannot be read"):
        read_config(tmp_path, KNOWN)


def test_key_file_overrides_the_environment(tmp_path) -> None:
    path = write(tmp_path / "key", f"{KEY}\n")
    assert read_key({KEY_VARIABLE: "another"}, path) == KEY
    assert read_key({KEY_VARIABLE: f" {KEY}\n"}, None) == KEY


@pytest.mark.parametrize("environment", [{}, {KEY_VARIABLE: ""}, {KEY_VARIABLE: " \n"}])
def test_missing_key_error_says_where_to_put_it(environment) -> None:
    with pytest.raises(UsageError) as caught:
        read_key(environment, None)
    assert KEY_VARIABLE in caught.value.hint
    assert "--api-key-file" in caught.value.hint


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o666, 0o610])
def test_key_file_others_can_access_is_refused_with_the_fix(tmp_path, mode) -> None:
    path = write(tmp_path / "key", KEY, mode)
    with pytest.raises(UsageError) as caught:
        read_key({}, path)
    assert caught.value.hint == f"Run: chmod 600 {path}"
    assert KEY not in str(caught.value)
    path.chmod(0o400)
    assert read_key({}, path) == KEY


@pytest.mark.parametrize(("content", "said"), [("", "is empty"), (" \n", "is empty"), (b"\xff\xfe", "is not text")])
def test_key_file_without_a_key_is_refused(tmp_path, content, said) -> None:
    with pytest.raises(UsageError, match=said):
        read_key({KEY_VARIABLE: KEY}, write(tmp_path / "key", content))


def test_missing_key_file_does_not_fall_back_to_the_environment(tmp_path) -> None:
    with pytest.raises(UsageError, match=r"absent: no such file\nCheck --api-key-file\."):
        read_key({KEY_VARIABLE: KEY}, tmp_path / "absent")
