"""Two tenants' nights of updates at once, each importer killed at random moments; in the end, all data is right.

Real processes share one ledger; each tenant has a server that fails in nine ways.
"""

import csv
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from importer.sandbox import SandboxConfig
from tests.running_sandbox import running
from tests.soak.killing import FAULTS, KEY, OPTIONS

COLUMNS = ("Id", "Name", "Phone", "Bill", "Street", "Ship", "Dock", "Person", "Contact")
MAPPING = """\
title: Nightly
key: Id
customer: {company_name: Name, phone: Phone}
addresses:
  - {type: {constant: billing}, reference_id: Bill, address_line_1: Street, city: {constant: Marlow}}
  - {type: {constant: shipping}, reference_id: Ship, optional: true, address_line_1: Dock, city: {constant: Marlow}}
contacts:
  - {reference_id: Person, first_name: Contact}
"""
Row = dict[str, str]


@dataclass
class Nights:
    """One tenant. ``wrong``: what is wrong in the end; ``killed``: how often it was killed."""

    folder: Path
    ledger: str
    seed: int
    customers: int
    nights: int
    kills: int
    children: Literal["merge", "replace"]
    wrong: list[str] = field(default_factory=list)
    killed: int = 0

    def run(self) -> None:
        """Run all nights; each but the first is killed, restarted, and finally left to finish."""
        rng = random.Random(self.seed)
        self.folder.mkdir()
        (self.folder / "night.yaml").write_text(MAPPING)
        config = SandboxConfig(
            faults=FAULTS, seed=self.seed, duplicates="allow", slow_seconds=3.0, patch_children=self.children
        )
        rows = {f"C{number:05}": _row(number) for number in range(self.customers)}
        with running(config) as server:
            words = ("run", "night.csv", "-m", "night.yaml", "--api", server.url, "--mode", "upsert", *OPTIONS)
            for night in range(self.nights + 1):
                if night:
                    _change(rows, rng)
                self._write(rows)
                for _ in range(self.kills if night else 0):
                    self._kill(words, server, rng.randint(1, max(2, self.customers // 10)))
                self._expect(words)
            self.wrong += _faults(rows, server.customers())
            before = _writes(server)
            self._expect(words)
            if _writes(server) != before:
                self.wrong.append("a further night sent something")
            self._expect(("verify", "--quiet"))
        self._expect(("ledger", "check"), tenant=False)
        self.wrong += [f"the key stands in {path}" for path in self.folder.rglob("*") if _holds_key(path)]

    def _write(self, rows: dict[str, Row]) -> None:
        with (self.folder / "night.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows.values())

    def _start(self, words: Sequence[str], *, tenant: bool = True) -> "subprocess.Popen[bytes]":
        named = ["--tenant", self.folder.name] if tenant else []
        with (self.folder / "log.txt").open("ab") as file:
            return subprocess.Popen(
                [sys.executable, "-m", "importer", *words, "--ledger", self.ledger, *named],
                cwd=self.folder,
                env={**os.environ, "WIZCOMMERCE_API_KEY": KEY},
                stdout=file,
                stderr=file,
            )

    def _expect(self, words: Sequence[str], *, tenant: bool = True) -> None:
        code = self._start(words, tenant=tenant).wait()
        if code:
            self.wrong.append(f"{words[0]} ended with exit code {code}: see {self.folder / 'log.txt'}")

    def _kill(self, words: Sequence[str], server: Any, writes: int) -> None:
        wanted = _writes(server) + writes
        process = self._start(words)
        while process.poll() is None:
            if _writes(server) >= wanted:
                process.send_signal(signal.SIGKILL)
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
        self.killed += process.returncode == -signal.SIGKILL


def nights(folder: Path, ledger: str, *, seed: int, customers: int, nights: int, kills: int) -> list[Nights]:
    """Run two tenants with one ledger at the same time; returns both, with what is wrong."""
    both = [
        Nights(folder / name, ledger, seed * 2 + number, customers, nights, kills, children)
        for number, (name, children) in enumerate((("acme", "merge"), ("globex", "replace")))
    ]
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(tenant.run) for tenant in both]:
            done.result()
    return both


def _row(number: int) -> Row:
    name = f"C{number:05}"
    cells = (name, f"Firm {number}", f"+1415555{100 + number % 100:04}", f"B-{name}", f"{number} Main St")
    return dict(zip(COLUMNS, (*cells, "", "", f"P-{name}", "Robin"), strict=True))


def _change(rows: dict[str, Row], rng: random.Random) -> None:
    """Change a third of the customers or remove them, and add some."""
    for name in rng.sample(sorted(rows), len(rows) // 3):
        row = rows[name]
        match rng.randrange(5):
            case 0:
                row["Phone"] = f"+1212555{rng.randrange(100, 200):04}"
            case 1:
                row["Street"] = f"{rng.randrange(1000)} New St"
            case 2:
                row |= {"Ship": f"S-{name}", "Dock": f"Dock {rng.randrange(100)}"}
            case 3:
                row["Contact"] = f"Kim {rng.randrange(100)}"
            case _:
                del rows[name]
    first = 1 + max(int(name[1:]) for name in rows)
    rows |= {f"C{number:05}": _row(number) for number in range(first, first + len(rows) // 20 + 1)}


def _faults(rows: dict[str, Row], customers: Sequence[Any]) -> list[str]:
    """What is wrong if a customer is missing, differs from the source, or is there twice, or a child is."""
    names = Counter(customer["reference_id"] for customer in customers)
    wrong = [f"{name} is there {count} times" for name, count in names.items() if count > 1]
    held = {customer["reference_id"]: customer for customer in customers}
    for name, customer in held.items():
        children = Counter(child["reference_id"] for child in (*customer["addresses"], *customer["contacts"]))
        wrong += [f"{name}: {child} is there {count} times" for child, count in children.items() if count > 1]
    for name, row in rows.items():
        customer = held.get(name, {"name": None, "phone": None, "addresses": [], "contacts": []})
        lines = {child["reference_id"]: child["address_line_1"] for child in customer["addresses"]}
        people = [child["first_name"] for child in customer["contacts"]]
        says = (customer["name"], customer["phone"], lines.get(row["Bill"]), lines.get(row["Ship"], ""), people)
        wanted = (row["Name"], row["Phone"], row["Street"], row["Dock"], [row["Contact"]])
        if says != wanted and not (row["Ship"] == "" and says[:3] == wanted[:3] and people == wanted[4]):
            wrong.append(f"{name} says {says}, not {wanted}")
    return wrong


def _writes(server: Any) -> int:
    return sum(request.method in {"POST", "PATCH"} for request in server.requests())


def _holds_key(path: Path) -> bool:
    return path.is_file() and KEY.encode() in path.read_bytes()
