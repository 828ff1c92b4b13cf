"""The entrance to the sender."""

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import anyio

from importer.ledger import Ledger, Run
from importer.records import OutcomeKind
from importer.sender.engine import Engine
from importer.sender.options import Api, SendOptions
from importer.sender.payloads import Bodies
from importer.sender.recorder import LedgerThread

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
    stop: anyio.Event,
    now: Callable[[], datetime] = _utc_now,
    thread: LedgerThread | None = None,
) -> dict[OutcomeKind, int]:
    """Deal with every open customer of a planned run, and return the counts of all its outcomes.

    The tenant's lock must be held. ``bodies`` reads the planned bodies of items (their ``offset`` and ``length``).
    ``progress`` gets the counts each time that something has become durable. Setting ``stop`` ends the run early:
    what has not left is handed back at once, and requests in flight get ``options.grace`` seconds. Cancelling this call
    ends it at once: requests in flight are cut off and their outcome stays unknown. Called again for the same run,
    after whatever end, it goes on: unknown outcomes are looked up, and nothing is sent again blindly. ``now`` gives the
    time of day for the ledger, ``thread`` calls it.

    Raises :class:`InterruptedRunError`, :class:`KeyRefusedError`, :class:`ApiUnavailableError`,
    :class:`GuardError` (``options.max_failed``), :class:`LedgerError` (nothing leaves any more once a write has
    failed), and :class:`OutputError` when ``bodies`` gives others than were planned. Whatever is raised, the ledger
    has the truth: what did not leave is pending, what may have left is unknown.
    """
    engine = Engine(
        ledger,
        api,
        run,
        bodies,
        options,
        rng=rng,
        now=now,
        progress=progress,
        stop=stop,
        thread=thread or LedgerThread(),
    )
    return await engine.run()
