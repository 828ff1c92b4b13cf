"""Makes a run that is ready to be sent. Called with a folder and the number of customers.

Writes ``ledger.db`` and ``payloads.jsonl`` (bodies of about 1,000 bytes, one per line), and prints the run's ID.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import pandas as pd

from importer.ledger import open_ledger
from importer.planner import plan
from importer.records import content_hash
from importer.tables import TEXT

TENANT = "bench"


def bodies(count: int) -> Iterator[bytes]:
    """Customers with two addresses and two contacts."""
    for number in range(count):
        name, phone = f"B{number:07d}", f"+1212555{100 + number % 100:04d}"
        address = {
            "address_line_1": f"{number % 9999} Pickwhistle Boulevard",
            "city": "Catfish Bayou",
            "phone": phone,
            "address_line_2": "Dock 7, rear entrance",
            "state": "LA",
            "country": "US",
            "zip_code": "70196",
            "is_default": True,
        }
        contact = {"first_name": "Tabitha", "last_name": "Kettlewhite", "phone": phone, "designation": "Manager"}
        body = {
            "reference_id": name,
            "company_name": f"Bramblesnout Buttons LLC {number}",
            "display_name": f"Bramblesnout Buttons LLC {number}",
            "payment_term": "Net 15",
            "phone": phone,
            "email": f"orders.{number}@example.com",
            "addresses": [
                {"reference_id": f"{name}-{kind}", "type": kind, **address} for kind in ("billing", "shipping")
            ],
            "contacts": [
                {"reference_id": f"{name}-{place}", "email": f"{place}.{number}@example.org", **contact}
                for place in ("desk", "dock")
            ],
        }
        yield orjson.dumps(body)


def main() -> None:
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    made = list(bodies(count))
    (folder / "payloads.jsonl").write_bytes(b"".join(body + b"\n" for body in made))
    lengths = np.array([len(body) for body in made], dtype=np.int64)
    frame = pd.DataFrame(
        {
            "position": np.arange(count, dtype=np.int64),
            "reference_id": pd.Series([orjson.loads(body)["reference_id"] for body in made], dtype=TEXT),
            "hash": pd.Series([content_hash(body) for body in made], dtype=TEXT),
            "offset": np.cumsum(lengths + 1) - lengths - 1,
            "length": lengths,
        }
    )
    nobody = pd.DataFrame({"reference_id": [], "customer_id": []}, dtype=TEXT)
    with open_ledger(folder / "ledger.db") as ledger:
        tenant = ledger.tenant(TENANT)
        run = ledger.start_run(tenant, "run", out=folder, mapping="bench")
        known = ledger.known(tenant, frame["reference_id"])
        ledger.record_lookup(tenant, frame["reference_id"], nobody)
        ledger.plan_run(run.id, plan(frame, known, nobody))
    print(run.id)


if __name__ == "__main__":
    main()
