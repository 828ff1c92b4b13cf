"""Mutation testing: change the code at random places, and list the changes that no test notices.

``python -m tests.mutate [--count 300] [--seed 1] [--packages planner api …]``; ``make mutate`` runs it. It works on a
copy of the tree. ``mutants.toml`` lists the changes that make no difference, each with the reason.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.testing import run_tests
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome

ROOT = Path(__file__).parents[1]
TESTS = {
    "planner": "tests/planner",
    "api": "tests/api",
    "ledger": "tests/ledger tests/upgrade",
    "sender": "tests/sender",
}
TIMEOUT = 300.0  # seconds for the tests of one change
EQUIVALENT = Path(__file__).with_name("mutants.toml")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--packages", nargs="+", choices=list(TESTS), default=list(TESTS))
    parser.add_argument("--in-place", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.in_place:
        return mutate(options.packages[0], options.count, options.seed)
    sizes = {name: sum(map(len, map(Path.read_bytes, modules(name)))) for name in options.packages}
    shares = {name: round(options.count * size / sum(sizes.values())) for name, size in sizes.items()}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return max(pool.map(lambda name: in_copy(name, shares[name], options.seed), options.packages))


def modules(package: str) -> list[Path]:
    return sorted(path for path in Path("importer", package).rglob("*.py") if path.name != "__init__.py")


def in_copy(package: str, count: int, seed: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "results", "__pycache__"))
        words = [sys.executable, "-m", "tests.mutate", "--in-place", "--packages", package]
        environment = {**os.environ, "PYTHONPATH": str(copy)}
        run = [*words, "--count", str(count), "--seed", str(seed)]
        return subprocess.run(run, cwd=copy, env=environment, check=False).returncode


def mutate(package: str, count: int, seed: int) -> int:
    """Try ``count`` changes of a package one after the other; 1 when one survives that is not known as equivalent."""
    command = f"{sys.executable} -m pytest -x -q -n 0 -p no:cacheprovider {TESTS[package]}"
    outcome, output = run_tests(command, TIMEOUT)
    if outcome is not TestOutcome.SURVIVED:
        sys.exit(f"{package}: the tests fail without any change\n{output}")
    with use_db(":memory:", WorkDB.Mode.create) as db:
        init(modules(package), db, {})
        candidates = [item.mutations[0] for item in db.work_items]
    candidates = sorted(filter(outside_annotations(modules(package)), candidates), key=str)
    chosen = random.Random(seed).sample(candidates, min(count, len(candidates)))
    known = {entry["change"] for entry in tomllib.loads(EQUIVALENT.read_text())["equivalent"]}
    survived = 0
    for number, mutation in enumerate(chosen, 1):
        result = mutate_and_test([mutation], command, TIMEOUT)
        line = Path(mutation.module_path).read_text().splitlines()[mutation.start_pos[0] - 1].strip()
        change = f"{mutation.module_path}: {mutation.operator_name} in: {line}"
        state = "killed" if result.is_killed else "equivalent" if change in known else "SURVIVED"
        survived += state == "SURVIVED"
        print(f"{package} {number}/{len(chosen)} {state} {change if state != 'killed' else ''}", flush=True)
        if state == "SURVIVED":
            print(result.diff, flush=True)
    return min(survived, 1)


def outside_annotations(paths: list[Path]) -> "Outside":
    return Outside({path: set(annotated(ast.parse(path.read_text()))) for path in paths})


class Outside:
    """Tells changes of code from changes of annotations, which nothing executes."""

    def __init__(self, spans: dict[Path, set[tuple[int, int, int, int]]]) -> None:
        self._spans = spans

    def __call__(self, mutation: MutationSpec) -> bool:
        start, end = mutation.start_pos, mutation.end_pos
        spans = self._spans[Path(mutation.module_path)]
        return not any((a, b) <= start and end <= (c, d) for a, b, c, d in spans)


def annotated(tree: ast.AST) -> Iterator[tuple[int, int, int, int]]:
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            found = getattr(node, name, None)
            if isinstance(found, ast.expr):
                yield found.lineno, found.col_offset, found.end_lineno or 0, found.end_col_offset or 0


if __name__ == "__main__":
    sys.exit(main())
