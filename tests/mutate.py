"""Mutation testing: change the code at random places, and list the changes that no test notices.

``python -m tests.mutate [--count 300] [--seed 1] [--packages planner api …] [--results FILE]``; ``make mutate`` runs
it. It works on copies of the tree. For each change it runs the tests that execute the changed line, the fastest first.
``--results`` saves the results, so that an interrupted run can continue; changes that survived are tried again. When
the code changes, most of the chosen changes stay the same. ``mutants.toml`` lists changes that make no difference,
with the reason; they are not tried.
"""

import argparse
import ast
import difflib
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_and_test, mutate_code
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec

ROOT = Path(__file__).parents[1]
TESTS = {
    "planner": "tests/planner",
    "api": "tests/api",
    "ledger": "tests/ledger tests/upgrade",
    "sender": "tests/sender",
}
PYTEST = f"{sys.executable} -m pytest -x -q -n 0 -p no:cacheprovider --hypothesis-profile=ci"
AT_ONCE = 2
LONGEST = 3600.0  # seconds for the tests of one change; each test also has its own limit
SAME = ("_Is_Eq", "_IsNot_NotEq")  # comparisons with None and enum members, the only ones that use `is`
EQUIVALENT = Path(__file__).with_name("mutants.toml")


@dataclass(frozen=True)
class Change:
    """``text`` identifies it: its place, the line before the change, and the line after it."""

    text: str
    mutation: MutationSpec

    @property
    def package(self) -> str:
        return self.mutation.module_path.parts[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--packages", nargs="+", choices=list(TESTS), default=list(TESTS))
    parser.add_argument("--results", type=Path)
    options = parser.parse_args()
    os.chdir(ROOT)
    known = {change for entry in tomllib.loads(EQUIVALENT.read_text())["equivalent"] for change in entry["changes"]}
    states = dict.fromkeys(known, "equivalent")
    if options.results and options.results.exists():
        found = map(json.loads, options.results.read_text().splitlines())
        states |= {one["change"]: one["state"] for one in found if one["state"] == "killed"}
    changes = chosen(options.packages, options.count, options.seed)
    for change, diff in tried([one for one in changes if one.text not in states]):
        states[change.text] = "SURVIVED" if diff else "killed"
        done = sum(one.text in states for one in changes)
        print(f"{done}/{len(changes)} {states[change.text]} {change.text}\n{diff or ''}".rstrip(), flush=True)
        if options.results:
            with options.results.open("a") as file:
                print(json.dumps({"change": change.text, "state": states[change.text]}), file=file)
    counts = Counter((change.package, states[change.text]) for change in changes)
    for name in options.packages:
        print(f"{name}:", ", ".join(f"{counts[name, state]} {state}" for state in ("killed", "equivalent", "SURVIVED")))
    return int("SURVIVED" in {state for _, state in counts})


def chosen(packages: Iterable[str], count: int, seed: int) -> list[Change]:
    """The changes with the lowest hashes, so that most choices stay the same when other code changes."""
    paths = [path for name in packages for path in sorted(Path("importer", name).rglob("*.py"))]
    with use_db(":memory:", WorkDB.Mode.create) as db:
        init(paths, db, {})
        mutations = [item.mutations[0] for item in db.work_items]
    spans = {path: list(annotated(ast.parse(path.read_text()))) for path in paths}
    hashes, seen = {}, Counter[str]()
    for mutation in sorted(mutations, key=lambda one: (one.module_path, one.operator_name, one.occurrence)):
        start, end = mutation.start_pos, mutation.end_pos
        annotation = any((a, b) <= start and end <= (c, d) for a, b, c, d in spans[mutation.module_path])
        if annotation or mutation.operator_name.endswith(SAME):
            continue
        line = lines_of(mutation.module_path)[start[0] - 1].strip()
        name = f"{seed} {mutation.module_path} {mutation.definition_name} {mutation.operator_name} {line}"
        seen[name] += 1
        hashes[hashlib.sha256(f"{name} {seen[name]}".encode()).hexdigest()] = mutation
    changes: dict[str, Change] = {}
    for _, mutation in sorted(hashes.items()):
        if text := described(mutation):
            changes.setdefault(text, Change(text, mutation))
        if len(changes) >= count:
            break
    return sorted(changes.values(), key=lambda change: (change.package, change.text))


@cache
def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines()


def annotated(tree: ast.AST) -> Iterator[tuple[int, int, int, int]]:
    """Where annotations begin and end; they are never executed."""
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            found = getattr(node, name, None)
            if isinstance(found, ast.expr):
                yield found.lineno, found.col_offset, found.end_lineno or 0, found.end_col_offset or 0


def described(mutation: MutationSpec) -> str | None:
    """The text of a change; ``None`` if the result is not valid Python or Python warns about it."""
    operator = get_operator(mutation.operator_name)(**mutation.operator_args)
    after = mutate_code(mutation.module_path.read_text(), operator, mutation.occurrence)
    with warnings.catch_warnings(action="error"):
        try:
            compile(after, str(mutation.module_path), "exec")
        except SyntaxError:
            return None
    diff = list(difflib.unified_diff(lines_of(mutation.module_path), after.splitlines(), n=0, lineterm=""))[2:]
    old, new = (" ".join(line[1:].strip() for line in diff if line[0] == sign) for sign in "-+")
    return f"{mutation.module_path} {mutation.definition_name}: {old} → {new}"


def tried(changes: list[Change]) -> Iterator[tuple[Change, str | None]]:
    """Each change with its diff, if no test noticed it."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "results", "__pycache__"))
        packages = sorted({change.package for change in changes})
        with ThreadPoolExecutor(AT_ONCE) as threads:
            executed = dict(zip(packages, threads.map(executed_lines, packages, [tree] * len(packages)), strict=True))
        with ProcessPoolExecutor(AT_ONCE, initializer=enter_copy, initargs=(tree,)) as pool:
            diffs = pool.map(survives, changes, [executed[change.package] for change in changes])
            yield from zip(changes, diffs, strict=True)


def executed_lines(package: str, tree: Path) -> dict[str, dict]:
    """What ``tests.executed_lines`` recorded for each test of a package."""
    target = tree / f"{package}.json"
    plugin = f"-p tests.executed_lines --lines-of importer/{package} --lines-to {target}"
    command = shlex.split(f"{PYTEST} {plugin} {TESTS[package]}")
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    made = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    if made.returncode:
        sys.exit(f"{package}: the tests fail without any change\n{made.stdout}{made.stderr}")
    return json.loads(target.read_bytes())


def enter_copy(tree: Path) -> None:
    """Each process that tries changes has its own copy of the tree."""
    copy = shutil.copytree(tree, tree.with_name(str(os.getpid())))
    os.chdir(copy)
    os.environ["PYTHONPATH"] = str(copy)


def survives(change: Change, tests: dict[str, dict]) -> str | None:
    """The diff of a change that no test notices. Tests that start processes run last: their lines are unknown."""
    file, start, end = (change.mutation.module_path.as_posix(), change.mutation.start_pos, change.mutation.end_pos)
    span = range(start[0], end[0] + 1)
    of_file = [name for name, test in tests.items() if file in test["lines"]]
    of_line = [name for name in of_file if not set(span).isdisjoint(tests[name]["lines"][file])]
    names = sorted(of_line or of_file or tests, key=lambda name: tests[name]["seconds"])
    names += [name for name, test in tests.items() if test["processes"] and name not in names]
    command = f"{PYTEST} -p tests.time_limits --seconds-in {change.package}.json {shlex.join(names)}"
    result = mutate_and_test([change.mutation], command, LONGEST)
    if result.diff is None:
        raise RuntimeError(result.output)
    return None if result.is_killed else result.diff


if __name__ == "__main__":
    sys.exit(main())
