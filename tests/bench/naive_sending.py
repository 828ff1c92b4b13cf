"""Baseline of sending: the script that a user would write, with httpx and a semaphore. It records nothing.

Called with the folder of a run that :mod:`tests.bench.plan_run` made, the server's URL, and the number of connections.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from tests.bench.measure import pin


async def send(bodies: list[Any], url: str, connections: int) -> None:
    turns = asyncio.Semaphore(connections)

    async def post(client: httpx.AsyncClient, body: Any) -> None:
        async with turns:
            answer = await client.post(f"{url}/v1/customers", json=body, headers={"X-API-Key": "bench-key"})
            answer.raise_for_status()

    async with httpx.AsyncClient(timeout=30) as client:
        await asyncio.gather(*(post(client, body) for body in bodies))


def main() -> None:
    folder, url, connections = sys.argv[1:]
    pin(0)
    bodies = [json.loads(line) for line in (Path(folder) / "payloads.jsonl").read_bytes().splitlines()]
    wall, cpu = time.perf_counter(), time.process_time()
    asyncio.run(send(bodies, url, int(connections)))
    print(json.dumps({"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}))


if __name__ == "__main__":
    main()
