"""A run in progress: what its stages share, and how it ends, whatever happens."""

import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast
from urllib.parse import urlsplit

import anyio
import pandas as pd

from importer.api import Client, Limiter
from importer.errors import ImporterError, InternalError, InterruptedRunError, OutputError, StopError, UsageError
from importer.ledger import Ledger, Run
from importer.logs import about, event, log_failure
from importer.report.report_input import Reader
from importer.run_folder import PayloadFile, RunFolder, Stage
from importer.sender import Sender, SendOptions
from importer.sender.customer_task import OnConflict
from importer.settings import Commands, Options
from importer.workflow.api_state import merger_for
from importer.workflow.old_folders import prune
from importer.workflow.report_writer import report_run
from importer.workflow.supervision import Watch
from importer.workflow.targets import ApiTarget, client_for, limiter_for
from importer.workflow.timings import Timings, utc_now

Confirm = Callable[[str], bool]


@dataclass
class Job:
    """A run in the ledger, the target that it sends to, and what it has produced so far.

    There is a ``stage`` once there is a ``folder``.
    """

    options: Options
    ledger: Ledger
    target: ApiTarget
    run: Run
    watch: Watch
    timings: Timings
    folder: RunFolder | None = None
    bodies: pd.DataFrame = field(default_factory=pd.DataFrame)
    adopted: Mapping[str, Any] | None = None
    stage: Stage = field(init=False)
    limiter: Limiter = field(init=False)

    def __post_init__(self) -> None:
        self.limiter = limiter_for(self.target, self.options, self.watch.phase)

    @property
    def paths(self) -> RunFolder:
        if self.folder is None:
            raise InternalError("the run has no folder yet")
        return self.folder

    @property
    def commands(self) -> Commands:
        """Commands that continue this run."""
        kept = self.run.options if self.folder is None else self.stage.facts["options"]
        return Commands.of(self.options, run=self.run.id, out=self.run.out.parent, kept=kept)

    def client(self) -> Client:
        return client_for(self.target, self.options, self.limiter)

    async def send(self, client: Client) -> None:
        """Send what is planned. Raises :class:`StopError` if it ends early."""
        options = SendOptions(
            concurrency=self.options.concurrency,
            batch_size=self.options.batch_size,
            settle=self.options.settle,
            limit=self.options.limit,
            max_failed=self.options.max_failed,
            merge=merger_for(self.stage),
            on_conflict=cast("OnConflict", self.options.on_conflict),
        )
        payloads, rng = PayloadFile(self.paths.payloads), random.Random()  # noqa: S311 - spreads retries
        progress, stop = self.watch.counts, self.watch.stop
        self.watch.sending = True
        try:
            with self.timings.stage("send"):
                await Sender(
                    self.ledger, client, self.run, payloads, options=options, rng=rng, progress=progress, stop=stop
                ).send()
        except InterruptedRunError as error:
            raise self.watch.reason(error) from None
        except OutputError as error:  # an input error would mean that nothing was sent, but something may have been
            raise StopError(error.message, error.hint) from error
        finally:
            self.watch.sending = False

    def report(self, stopped: ImporterError | None) -> dict[str, Any]:
        """Write the reports, however the run ended, and record its end in the ledger. Returns the summary.

        Raises :class:`StopError` if they cannot be written.
        """
        stage = replace(self.stage, facts={**self.stage.facts, "timings": dict(self.timings.seconds)})
        self.watch.stage("Writing the reports")
        try:
            summary = report_run(
                self.ledger,
                self.run.id,
                self.paths,
                stage,
                None if stopped is None else stopped.exit_code,
                self.commands,
                finished=utc_now(),
                stopped=None if stopped is None else stopped.in_one_line,
                pace=self._pace(),
                adopted=self.adopted,
                reader=Reader(self.options.for_, self.options.contact),
            )
        except (OutputError, KeyboardInterrupt) as error:
            self.ledger.finish_run(self.run.id, StopError.exit_code, {})
            again = f"un `importer report {self.run.id}`: the ledger knows what was sent."
            if isinstance(error, KeyboardInterrupt):
                raise InterruptedRunError("interrupted while the reports were being written", f"R{again}") from error
            message = f"the reports could not be written: {error.message}"
            raise StopError(message, f"Free some space, then r{again}") from error
        self.ledger.finish_run(self.run.id, summary["exit_code"], summary)
        return summary

    def _pace(self) -> dict[str, Any]:
        seconds = self.timings.seconds.get("send", 0.0)
        figures = self.limiter.statistics
        return {
            "requests": figures.requests,
            "throttled": figures.throttled,
            "waited_seconds": round(figures.waited_seconds, 3),
            "peak_per_second": figures.peak_per_second,
            "reached_per_second": round(figures.requests / seconds, 1) if seconds > 0 else None,
            "ceiling": self.options.rate,
            "series": self.limiter.timeline.series(),
        }


def execute(job: Job, work: Callable[[Job, Client], Awaitable[None]]) -> dict[str, Any]:
    """Do the work of a run, and write its reports. Returns the summary.

    A run that stops early also has reports, and its summary says why it stopped. An error is raised only if it is not a
    :class:`StopError`, or if it occurs before the run has a folder.
    """
    job.watch.run(job.run.id)
    with about(job.run.id, job.run.tenant):
        return anyio.run(_execute, job, work)


async def _execute(job: Job, work: Callable[[Job, Client], Awaitable[None]]) -> dict[str, Any]:
    stopped: StopError | None = None
    event(logging.INFO, "run", mapping=job.run.mapping, api=urlsplit(job.target.url).netloc, mode=job.options.mode)
    try:
        async with job.watch.signals(), job.client() as client:
            await work(job, client)
    except StopError as error:
        stopped = job.watch.stopped = error
        error.hint = job.commands.completed(error.hint)
        log_failure("stopped", error)
        if job.folder is None:
            job.ledger.finish_run(job.run.id, error.exit_code, {})
            raise
    except ImporterError as error:
        job.ledger.finish_run(job.run.id, error.exit_code, {})
        raise
    summary = job.report(stopped)
    if stopped is None and job.options.keep is not None:
        prune(job.ledger, job.run, job.options.keep, job.watch.phase)
    return summary


def ask(confirm: Confirm | None, question: str) -> None:
    """Raise :class:`UsageError` unless the answer to the question is yes. ``confirm`` is None if nobody can answer."""
    if confirm is None or not confirm(question):
        raise UsageError(
            "you did not confirm, so nothing was changed in WizCommerce",
            "To skip the question, add --yes.",
        )
