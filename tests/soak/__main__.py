"""``make soak``: kill and resume imports and nights of updates, with one seed after another, for a limited time."""

import argparse
import contextlib
import sys
import tempfile
import time
from pathlib import Path

from tests.postgres import database
from tests.soak.killing import kill_and_resume, summary
from tests.soak.nights import nights


def _nights(seed: int, customers: int, kills: int) -> list[str]:
    """Nights of updates with a ledger in SQLite or, every other time, in PostgreSQL. Returns what is wrong."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ledger = stack.enter_context(database()) if seed % 2 else str(folder / "ledger.db")
        both = nights(folder, ledger, seed=seed, customers=customers, nights=3, kills=kills)
        kept = ledger.partition(":")[0] if seed % 2 else "sqlite"
        print(f"seed {seed}: nights with {kept}, {sum(tenant.killed for tenant in both)} kills", flush=True)
        return [f"{tenant.folder.name}: {text}" for tenant in both for text in tenant.wrong]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--customers", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    end = time.monotonic() + options.minutes * 60
    seed = options.seed
    while time.monotonic() < end:
        with tempfile.TemporaryDirectory() as folder:
            evidence = kill_and_resume(Path(folder), seed=seed, customers=options.customers, kills=options.kills)
            wrong = evidence.faults(options.customers)
            print(f"seed {seed}: {summary(evidence)}", flush=True)
            if wrong:
                print("\n".join(wrong[:20]))
                return 1
        if wrong := _nights(seed, options.customers // 10, options.kills // 3):
            print("\n".join(wrong[:20]))
            return 1
        seed += 1
    print("Each customer was there exactly once, every time.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
