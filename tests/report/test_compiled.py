"""Templates in compiled form: made once, made again when their source changes, and never in the way."""

import sys
from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from importer.report.html.page import CompiledTemplates


def rendered(folder: Path, source: str) -> str:
    environment = Environment(
        loader=DictLoader({"t": source}), bytecode_cache=CompiledTemplates(folder), autoescape=True
    )
    return environment.get_template("t").render(name="<Ada>")


def kept(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture(autouse=True)
def written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


def test_a_template_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rendered(tmp_path, "Hello {{ name }}") == "Hello &lt;Ada&gt;"
    assert len(kept(tmp_path)) == 1
    monkeypatch.setattr(Environment, "compile", None)
    assert rendered(tmp_path, "Hello {{ name }}") == "Hello &lt;Ada&gt;"


def test_another_source_is_compiled_anew(tmp_path: Path) -> None:
    rendered(tmp_path, "Hello {{ name }}")
    assert rendered(tmp_path, "Bye {{ name }}") == "Bye &lt;Ada&gt;"
    assert len(kept(tmp_path)) == 1


@pytest.mark.parametrize("length", [0, 3, -1])
def test_a_damaged_one_is_compiled_anew(tmp_path: Path, length: int) -> None:
    rendered(tmp_path, "Hello {{ name }}")
    [path] = kept(tmp_path)
    path.write_bytes(path.read_bytes()[:length])
    assert rendered(tmp_path, "Hello {{ name }}") == "Hello &lt;Ada&gt;"


def test_nothing_is_written_where_nothing_can_or_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    assert rendered(tmp_path / "file", "Hello {{ name }}") == "Hello &lt;Ada&gt;"
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert rendered(tmp_path, "Hello {{ name }}") == "Hello &lt;Ada&gt;"
    assert kept(tmp_path) == [tmp_path / "file"]
