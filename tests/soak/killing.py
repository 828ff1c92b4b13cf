"""An importer that is killed at random moments, against an API that fails in nine ways: each customer exactly once.

Processes, server, and ledger are real. The list lags behind, and the server accepts duplicates, so that only the
importer keeps a customer from being there twice.
"""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from importer.sandbox import SandboxConfig
from tests.running_sandbox import running

FAULTS = "drop-before=2%,drop-after=2%,500-before=2%,500-after=2%,502-html=2%,429=1%,cut=2%,malformed=1%,slow=1%"
KEY = "a-key-that-must-not-be-found-anywhere"
OPTIONS = ["--rate", "150", "--timeout", "1", "--settle", "3.5", "--quiet"]
LAG = 1.0  # seconds; well below --settle, because the server of a busy machine may handle requests late
LONGEST = 600.0  # seconds after which a process is assumed to hang


@dataclass(frozen=True)
class Evidence:
    """What the API holds (reference ID → IDs), what results.csv says, and the files in which the key was found."""

    held: dict[str, list[str]]
    results: list[dict[str, str]]
    exit_code: int
    kills: int
    key_in: list[str]

    def faults(self, customers: int) -> list[str]:
        """What is wrong; empty if every customer is there once and every outcome is right."""
        wrong = [f"{name} is there {len(ids)} times" for name, ids in self.held.items() if len(ids) != 1]
        if len(self.held) != customers:
            wrong.append(f"{len(self.held)} of {customers} customers are there")
        wrong += [
            f"results.csv: {line['reference_id']} is {line['outcome']} as {line['customer_id']}"
            for line in self.results
            if line["outcome"] != "created" or [line["customer_id"]] != self.held.get(line["reference_id"])
        ]
        if len(self.results) != customers:
            wrong.append(f"results.csv has {len(self.results)} lines")
        wrong += [f"the key stands in {name}" for name in self.key_in]
        return wrong


def kill_and_resume(folder: Path, *, seed: int, customers: int, kills: int) -> Evidence:
    """Start a run, kill it ``kills`` times while it sends, resume it each time, and collect the evidence."""
    rng = random.Random(seed)
    source = folder / "customers.csv"
    _write(source, customers)
    environment = {**os.environ, "WIZCOMMERCE_API_KEY": KEY, "XDG_STATE_HOME": str(folder / "state")}
    config = SandboxConfig(faults=FAULTS, seed=seed, duplicates="allow", list_lag=LAG, slow_seconds=3.0)
    with running(config) as server:
        first = ["run", str(source), "-m", "netsuite", "--api", server.url, "--out", str(folder / "out"), *OPTIONS]
        command, done = first, 0
        while True:
            process = _start(command, environment, folder / "log.txt")
            if done < kills and _killed(process, server, rng, customers):
                done += 1
            code = _ended(process)
            if code >= 0:
                break
            command = ["resume", *OPTIONS] if server.counts()["customers"] else first
        held: dict[str, list[str]] = {}
        for customer in server.customers():
            held.setdefault(customer["reference_id"], []).append(customer["id"])
    return Evidence(held, _results(folder / "out"), code, done, _files_with(KEY, folder))


def _write(path: Path, customers: int) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["ID", "Company Name", "Email", "Address 1", "City", "State", "Zip Code", "Country"])
        for number in range(customers):
            name = f"Invented Firm {number} LLC"
            writer.writerow(
                [f"C{number:05}", name, f"f{number}@example.com", f"{number} Main St", "Marlow", "OH", "43000", "US"]
            )


def _start(arguments: list[str], environment: dict[str, str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "importer", *arguments], env=environment, stdout=file, stderr=file
        )


def _killed(process: "subprocess.Popen[bytes]", server: Any, rng: random.Random, customers: int) -> bool:
    """Kill the process after a random number of further customers has arrived; False if it ended before."""
    wanted = server.counts()["customers"] + rng.randint(1, max(2, customers // 8))
    until = time.monotonic() + LONGEST
    while process.poll() is None and time.monotonic() < until:
        if server.counts()["customers"] >= wanted:
            process.send_signal(signal.SIGKILL)
            return True
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
    return False


def _ended(process: "subprocess.Popen[bytes]") -> int:
    try:
        return process.wait(LONGEST)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def _results(out: Path) -> list[dict[str, str]]:
    latest = max(out.glob("*/results.csv"), default=None)
    if latest is None:
        return []
    with latest.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _files_with(text: str, folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def summary(evidence: Evidence) -> str:
    """One line for a log."""
    outcomes = Counter(line["outcome"] for line in evidence.results)
    return json.dumps({"kills": evidence.kills, "exit": evidence.exit_code, "held": len(evidence.held), **outcomes})
