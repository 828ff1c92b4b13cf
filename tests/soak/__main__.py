"""``make soak``: kill and resume with one seed after another, for a bounded time."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.soak.killing import kill_and_resume, summary


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
        seed += 1
    print("Each customer was there exactly once, every time.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
