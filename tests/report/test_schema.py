"""The published schema of ``summary.json`` accepts every real summary, and nothing else.

The desk (``tests/workflow/desk.py``) checks the summaries of the other tests' runs.
"""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.report.schema import hold_against_schema, schema, validator
from tests.workflow.desk import SAMPLES, Desk, desk, make_desk

__all__ = ["desk"]

Path = tuple[str | int, ...]


@pytest.fixture(scope="module")
def full_summary(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A summary with all parts filled."""
    at = make_desk(tmp_path_factory.mktemp("schema"))
    source = SAMPLES / "netsuite" / "customers.csv"
    options = ("--country", "US", "--limit", 2, "--max-failed", 50, "--max-rejected", "50%", "--tenant", "firm")
    said = at.run("sandbox", source, "-m", "netsuite", *options, "--encoding", "cp1252", "--partial")
    return said.summary


def objects(node: Any, at: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    if isinstance(node, dict):
        yield at, node
    for key, inner in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from objects(inner, (*at, key))


def described(node: Any, at: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every property of the schema."""
    for path, item in objects(node):
        for name, inner in item.get("properties", {}).items() if isinstance(item.get("properties"), dict) else ():
            yield (*path, name), inner


def changed(summary: dict[str, Any], path: Path, value: Any = None, *, gone: bool = False) -> dict[str, Any]:
    """The summary with another value at ``path``, or without it."""
    other = copy.deepcopy(summary)
    place: Any = other
    for key in path[:-1]:
        place = place[key]
    if gone:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return other


def test_schema_describes_all_properties_and_closes_all_objects() -> None:
    properties = dict(described(json.loads(schema())))
    assert len(properties) > 80
    assert [path for path, item in properties.items() if not item.get("description")] == []
    closed = [item["additionalProperties"] for _, item in objects(json.loads(schema())) if "object" in kinds(item)]
    assert len(closed) > 8
    assert all(rest is False or rest for rest in closed)
    assert sum(rest is False for rest in closed) >= 8


def shortened(node: Any) -> Any:
    """The summary with no more than two items in each list, because all items have the same schema."""
    if isinstance(node, dict):
        return {key: shortened(inner) for key, inner in node.items()}
    return [shortened(inner) for inner in node[:2]] if isinstance(node, list) else node


def kinds(item: dict[str, Any]) -> list[str]:
    named = item.get("type", [])
    return named if isinstance(named, list) else [named]


def test_real_summary_fits_and_any_missing_or_wrong_part_is_refused(full_summary: dict[str, Any]) -> None:
    full_summary = shortened(full_summary)
    hold_against_schema(full_summary)
    optional = {"options", "skipped_by_reason", "unused_columns", "timings", "customers", "versions", "categories"}
    tried = 0
    for path, item in objects(full_summary):
        assert not validator().is_valid(changed(full_summary, (*path, "unheard of"), {})), path
        for key in item:
            tried += 1
            assert not validator().is_valid(changed(full_summary, (*path, key), {"a": {"b": 1}})), (*path, key)
            if not optional & {*path[-1:]}:
                assert not validator().is_valid(changed(full_summary, (*path, key), gone=True)), (*path, key)
    assert tried > 80


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("exit_code",), 2),
        (("exit_code",), True),
        (("seconds",), -1),
        (("started",), "2026-01-02 03:04:05"),
        (("command",), "undo"),
        (("rows", "read"), -1),
        (("rows", "read"), 1.5),
        (("customers", "created"), None),
        (("mapping", "sha256"), "xyz"),
        (("files",), "results.csv"),
        (("stopped",), ""),
        (("options", "rate"), 0),
        (("options", "strict"), False),
        (("pace", "requests"), None),
    ],
)
def test_impossible_values_are_refused(full_summary: dict[str, Any], path: Path, value: object) -> None:
    assert not validator().is_valid(changed(full_summary, path, value))


def test_json_on_stdout_equals_the_file(desk: Desk) -> None:
    words = desk.small()
    for command in (("check", *words), ("run", *words, "--api", "sandbox"), ("report",)):
        said = desk.do(*command, "--json")
        assert json.loads(said.out) == json.loads((said.folder / "summary.json").read_bytes())
