"""Sends a planned run once, on one processor, and prints what only the sending took, as a JSON object.

Ways: ``importer`` is the sender with its ledger; ``client`` is only the importer's client, which records nothing.
``--profile FILE`` writes cProfile's statistics of the event loop's thread.
"""

import argparse
import cProfile
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import orjson

from importer.api import AnswerKind, Client, Limiter
from importer.errors import InterruptedRunError
from importer.ledger import open_ledger
from importer.run_folder import PayloadFile
from importer.sender import Sender, SendOptions
from tests.bench.measure import pin

NO_CEILING = 1_000_000.0  # requests per second, too high to delay anything
Way = Callable[[argparse.Namespace], Awaitable[None]]


def new_client(given: argparse.Namespace) -> Client:
    ceiling = None if given.rate == "auto" else float(given.rate)
    limiter = Limiter(ceiling=ceiling, max_concurrency=given.connections)
    return Client(given.url, "bench-key", limiter=limiter, connections=given.connections, rng=random.Random(1))


@asynccontextmanager
async def stopping_after(seconds: float) -> AsyncIterator[anyio.Event]:
    """An event that is set once the block has run for ``seconds`` (0: never)."""
    stop = anyio.Event()

    async def end() -> None:
        await anyio.sleep(seconds)
        stop.set()

    async with anyio.create_task_group() as group:
        if seconds:
            group.start_soon(end)
        yield stop
        group.cancel_scope.cancel()


async def by_importer(given: argparse.Namespace) -> None:
    with open_ledger(given.folder / "ledger.db") as ledger:
        run = ledger.latest_run()
        with ledger.lock(run.tenant, run.id):
            async with new_client(given) as client, stopping_after(given.seconds) as stop:
                try:
                    await Sender(
                        ledger,
                        client,
                        run,
                        PayloadFile(given.folder / "payloads.jsonl"),
                        options=SendOptions(concurrency=given.connections),
                        rng=random.Random(1),
                        progress=lambda _: None,
                        stop=stop,
                    ).send()
                except InterruptedRunError:
                    if not given.seconds:
                        raise


async def by_client(given: argparse.Namespace) -> None:
    bodies = iter((given.folder / "payloads.jsonl").read_bytes().splitlines())

    async def worker(client: Client) -> None:
        for body in bodies:
            answer = await client.create(body, orjson.loads(body)["reference_id"])
            assert answer.kind is AnswerKind.OK, answer

    async with new_client(given) as client, anyio.create_task_group() as group:
        for _ in range(given.connections):
            group.start_soon(worker, client)


WAYS: dict[str, Way] = {"importer": by_importer, "client": by_client}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("url")
    parser.add_argument("connections", type=int)
    parser.add_argument("--rate", default=str(NO_CEILING))
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--profile", type=Path)
    given = parser.parse_args()
    pin(0)
    profile = cProfile.Profile() if given.profile else None
    wall, cpu = time.perf_counter(), time.process_time()
    if profile:
        profile.runcall(anyio.run, WAYS[given.way], given)
        profile.dump_stats(given.profile)
    else:
        anyio.run(WAYS[given.way], given)
    print(json.dumps({"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}))


if __name__ == "__main__":
    main()
