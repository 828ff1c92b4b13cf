"""Sending a run's bodies: the sender joined to the run's folder, to signals and to whoever watches."""

import random
from pathlib import Path

from importer.api import Client
from importer.errors import InterruptedRunError
from importer.ledger import Ledger, Run
from importer.planner import Merger
from importer.run_folder import PayloadFile
from importer.sender import SendOptions, send
from importer.settings import Options
from importer.workflow.update_rules import on_conflict
from importer.workflow.watch import Watch

__all__ = ["send_run"]


async def send_run(
    ledger: Ledger, client: Client, run: Run, payloads: Path, merger: Merger, options: Options, watch: Watch
) -> None:
    """Send what the ledger has planned for ``run``; ``merger`` puts updates together.

    Raises :class:`StopError` when it ends early.
    """
    watch.sending = True
    try:
        await send(
            ledger,
            client,
            run,
            PayloadFile(payloads),
            options=SendOptions(
                concurrency=options.concurrency,
                batch_size=options.batch_size,
                settle=options.settle,
                limit=options.limit,
                max_failed=options.max_failed,
                merge=merger,
                on_conflict=on_conflict(options),
            ),
            rng=random.Random(),  # noqa: S311 - spreads retries, keeps no secret
            progress=watch.counts,
            stop=watch.stop,
        )
    except InterruptedRunError as error:
        raise watch.reason(error) from None
    finally:
        watch.sending = False
