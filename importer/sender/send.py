"""The entrance to the sender."""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from importer.ledger import Ledger, Run
from importer.records import OutcomeKind
from importer.sender.engine import Engine
from importer.sender.options import Api, Bodies, SendOptions
from importer.sender.wait import Sleep

__all__ = ["send"]


def _utc_now() -> datetime:
    return datetime.now(UTC)


async def send(
    ledger: Ledger,
    api: Api,
    run: Run,
    bodies: Bodies,
    *,
    options: SendOptions,
    rng: random.Random,
    progress: Callable[[Mapping[OutcomeKind, int]], None],
    stop: asyncio.Event,
    clock: Callable[[], float] = time.monotonic,
    sleep: Sleep = asyncio.sleep,
    now: Callable[[], datetime] = _utc_now,
) -> dict[OutcomeKind, int]:
    """Deal with every open customer of a planned run, and give the counts of all its outcomes.

    The tenant's lock must be held. ``bodies`` reads the planned bodies of items (their ``offset`` and ``length``).
    ``progress`` is told the counts each time that something has become durable. Setting ``stop`` ends the run early:
    requests in flight get ``options.grace`` seconds. Cancelling this call ends it at once: requests in flight are cut
    off and stay in doubt. Called again for the same run, after whatever end, it goes on: what is in doubt is looked
    up, never sent again blindly.

    Raises :class:`InterruptedRunError`, :class:`KeyRefusedError`, :class:`ApiUnavailableError`,
    :class:`GuardError` (``options.max_failed``), :class:`LedgerError` (nothing leaves any more once a write has
    failed), and :class:`OutputError` when ``bodies`` gives others than were planned. Whatever is raised, the ledger
    holds the truth: what did not leave is pending, what may have left is unknown.
    """
    engine = Engine(
        ledger,
        api,
        run,
        bodies,
        options,
        rng=rng,
        clock=clock,
        sleep=sleep,
        now=now,
        progress=progress,
        stop=stop,
    )
    return await engine.run()
