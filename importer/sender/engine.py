"""Sending a run: batches are announced, requests leave, answers are recorded, doubts are cleared up."""

import asyncio
import gc
import hashlib
import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from importer.api import Answer, AnswerKind
from importer.errors import (
    ApiUnavailableError,
    GuardError,
    InternalError,
    InterruptedRunError,
    KeyRefusedError,
    OutputError,
    StopError,
)
from importer.ledger import Item, Ledger, Run
from importer.records import Action, OutcomeKind
from importer.sender.breaker import Breaker
from importer.sender.creating import Creating
from importer.sender.options import Api, Bodies, SendOptions
from importer.sender.reconciler import Reconciler
from importer.sender.recorder import LedgerThread, Recorder
from importer.sender.strategies import Strategies, Strategy
from importer.sender.telling import tell
from importer.sender.updating import Updating
from importer.sender.wait import Sleep, wait_for
from importer.sender.work import Next, Verdict, Work

__all__ = ["Engine"]

MOST_UNSETTLED = 10_000  # customers in doubt, with their bodies in memory, before no new ones are begun
CLOCK_SKEW = timedelta(days=1)  # at most, between this machine and the API: a time zone taken for another included
RESUME = "Resume the run: it looks up what is in doubt and goes on from there."


class Engine:
    """One call of :func:`importer.sender.send`; see there."""

    def __init__(
        self,
        ledger: Ledger,
        api: Api,
        run: Run,
        bodies: Bodies,
        options: SendOptions,
        *,
        rng: random.Random,
        clock: Callable[[], float],
        sleep: Sleep,
        now: Callable[[], datetime],
        progress: Callable[[Mapping[OutcomeKind, int]], None],
        stop: asyncio.Event,
    ) -> None:
        self._ledger = ledger
        self._api = api
        self._run = run
        self._bodies = bodies
        self._options = options
        self._rng = rng
        self._clock = clock
        self._sleep = sleep
        self._now = now
        self._progress = progress
        self._stop_asked = stop
        self._thread = LedgerThread()
        self._strategy = _strategies(api, run, options)
        self._breaker = Breaker(options.retry, options.patience, clock=clock, rng=rng)
        self._recorder = Recorder(self._thread, ledger, run, size=options.batch_size, sleep=sleep, follow=self._follow)
        self._reconciler = self._new_reconciler()
        self._ready: deque[Work] = deque()
        self._again: list[tuple[float, int, Work]] = []
        self._order = itertools.count()
        self._flights: set[asyncio.Task[None]] = set()
        self._after = -1  # the last position that was taken from the ledger
        self._begun = 0
        self._exhausted = False
        self._taken_up: set[int] = set()  # positions of those that were in doubt at the start
        self._announcing = False
        self._broken = False
        self._failed = 0
        self._counts: dict[OutcomeKind, int] = {}
        self._stopped_by: StopError | None = None
        self._changed = asyncio.Event()
        self._hungry = asyncio.Event()

    def _new_reconciler(self) -> Reconciler:
        return Reconciler(
            self._strategy,
            self._options,
            clock=self._clock,
            sleep=self._sleep,
            rng=self._rng,
            done=self._recorder.put,
            dropped=self._wake,
            stop=self._wind_down,
        )

    async def run(self) -> dict[OutcomeKind, int]:
        """Send, and give the counts of the whole run."""
        gc.freeze()  # what stands now outlives the run: going through it time and again took a fifth of the time
        try:
            await self._begin()
            async with asyncio.TaskGroup() as self._group:
                parts = (self._recorder.run(), self._reconciler.run(), self._feed(), self._watch())
                helpers = [self._group.create_task(part) for part in parts]
                for helper in helpers:
                    helper.add_done_callback(self._notice_failure)
                await self._until_done()
                for helper in helpers:
                    helper.cancel()
        except asyncio.CancelledError:
            self._hand_back()
            await self._recorder.flush()  # answers that had come are kept; what was cut off stays in doubt
            raise
        except BaseExceptionGroup as errors:
            raise _first_of(errors) from None
        finally:
            self._thread.close()
            gc.unfreeze()
        if self._stopped_by is not None:
            raise self._stopped_by
        return dict(self._counts)

    async def _begin(self) -> None:
        """Take up the run as the ledger has it; what a killed process left in doubt is looked up first."""
        await self._thread(self._ledger.adopt, self._run)
        unsettled = await self._thread(self._ledger.unsettled, self._run)
        self._counts = await self._thread(self._ledger.counts, self._run.id)
        now = self._clock()
        for start in range(0, len(unsettled), self._options.batch_size):
            for work in await self._thread(self._load, unsettled[start : start + self._options.batch_size]):
                work.doubtful, work.mine, work.abandoned = True, work.item.maker == self._run.id, now
                work.shown = OutcomeKind.UNKNOWN
                self._taken_up.add(work.item.position)
                self._reconciler.add(work, at_once=True)

    def _load(self, items: Sequence[Item]) -> list[Work]:
        """In the ledger's thread: items with their bodies, which must be those that were planned, byte for byte."""
        works = [Work(item, body, item.attempts) for item, body in zip(items, self._bodies(items), strict=True)]
        for work in works:
            if work.item.action not in self._strategy:
                raise InternalError(f"the sender cannot {work.item.action} customers")
            if hashlib.sha256(work.body).hexdigest() != work.item.hash:
                raise OutputError(
                    f"the body of customer {work.item.reference_id} is not the one that was planned",
                    "The run's folder was changed. Run again with the same sources: the ledger knows what was sent.",
                )
        updates = [work for work in works if work.item.action is Action.UPDATE]
        if updates:
            bases = self._ledger.bases(self._run, [work.item for work in updates])
            for work in updates:
                work.base = bases[work.item.reference_id]
        return works

    async def _until_done(self) -> None:
        while not self._done():
            self._pump()
            self._changed.clear()
            await wait_for(self._changed, self._breaker.pause or None, self._sleep)
            if self._stopped_by is not None:
                await self._land()

    def _done(self) -> bool:
        if self._flights or self._announcing or self._ready or not self._recorder.idle:
            return False
        if self._stopped_by is not None:
            return not self._reconciler.draining or not len(self._reconciler)
        return self._nobody_new and not self._again and not len(self._reconciler)

    # Announcing: the feeder keeps up to a batch and a half of customers ready to go.

    async def _feed(self) -> None:
        while True:
            self._hungry.clear()
            again, fresh = self._next_batch()
            if again or fresh:
                await self._announce(again, fresh)
            else:
                await wait_for(self._hungry, self._next_again(), self._sleep)

    @property
    def _full(self) -> bool:
        return self._stopped_by is not None or len(self._ready) > self._options.batch_size // 2

    @property
    def _nobody_new(self) -> bool:
        return self._exhausted or (self._options.limit is not None and self._begun >= self._options.limit)

    def _next_batch(self) -> tuple[list[Work], int]:
        """Whom to announce now: those that are due again, and how many new ones."""
        again: list[Work] = []
        if self._full:
            return again, 0
        while self._again and len(again) < self._options.batch_size and self._again[0][0] <= self._clock():
            again.append(heapq.heappop(self._again)[2])
        fresh = self._options.batch_size - len(again)
        if self._nobody_new or len(self._reconciler) + len(self._again) >= MOST_UNSETTLED:
            fresh = 0
        elif self._options.limit is not None:
            fresh = min(fresh, self._options.limit - self._begun)
        return again, fresh

    def _next_again(self) -> float | None:
        if self._full or not self._again:
            return None
        return max(0.0, self._again[0][0] - self._clock())

    async def _announce(self, again: list[Work], fresh: int) -> None:
        self._announcing = True
        works = await self._thread(self._mark, again, fresh)
        self._announcing = False
        self._begun += len(works) - len(again)
        self._ready.extend(works)
        if self._stopped_by is not None:
            self._hand_back()
        self._pump()
        self._wake()

    def _mark(self, again: list[Work], fresh: int) -> list[Work]:
        """In the ledger's thread: make it durable that these may leave, before any of them does."""
        works = again
        if fresh:
            items = self._ledger.pending(self._run, after=self._after, count=fresh)
            self._exhausted = len(items) < fresh
            self._after = items[-1].position if items else self._after
            # One that was in doubt at the start may have been found absent, and so be pending, before its turn here.
            works = again + self._load([item for item in items if item.position not in self._taken_up])
        if works:
            marked = [replace(work.item, attempts=work.attempts) for work in works]
            self._ledger.mark_sending(self._run, marked)
        for work in works:
            work.attempts += 1
            work.tries += 1
        return works

    # Sending.

    def _pump(self) -> None:
        """Let as many go as may be in flight."""
        if self._broken or self._stopped_by is not None or self._breaker.pause:
            return
        room = 1 if self._breaker.probing else min(self._options.concurrency, max(1, self._api.limiter.concurrency))
        while self._ready and len(self._flights) < room:
            flight = self._group.create_task(self._fly(self._ready.popleft(), self._breaker.round))
            self._flights.add(flight)
            flight.add_done_callback(self._landed)
        if len(self._ready) <= self._options.batch_size // 2:
            self._hungry.set()

    async def _fly(self, work: Work, of_round: int) -> None:
        try:
            answer = await self._strategy.send(work)
        except ApiUnavailableError as error:  # 429 for too long: refused, so nothing came of it
            answer = Answer(AnswerKind.NOT_SENT, message=error.message, sent=False)
            self._wind_down(error)
        self._recorder.put(self._strategy.judge(work, answer, clock=self._clock(), now=self._now()))
        if answer.kind in (AnswerKind.UNKNOWN, AnswerKind.NOT_SENT):
            self._breaker.failed(of_round)
        else:
            self._breaker.passed()
        if answer.kind is AnswerKind.KEY_REFUSED:
            hint = "Check WIZCOMMERCE_API_KEY or the file given by --api-key-file; then resume the run."
            self._wind_down(KeyRefusedError(f"the API refused the key (HTTP {answer.status}): {answer.message}", hint))
        elif self._strategy.alarm is not None:
            self._wind_down(self._strategy.alarm)
        elif self._breaker.exhausted:
            message = f"nothing got through to the API for {self._options.patience:.0f} s; the last: {answer.message}"
            self._wind_down(ApiUnavailableError(message, RESUME))

    def _landed(self, flight: "asyncio.Task[None]") -> None:
        self._flights.discard(flight)
        self._notice_failure(flight)
        if not flight.cancelled() and not flight.exception():
            self._pump()
        if not self._flights or self._breaker.probing:
            self._wake()

    def _notice_failure(self, task: "asyncio.Task[None]") -> None:
        """A part that failed ends the whole: its group takes no new tasks, so nobody may be let go any more."""
        self._broken = self._broken or (not task.cancelled() and task.exception() is not None)

    # What follows.

    def _follow(self, verdicts: Sequence[Verdict]) -> None:
        """Steps are durable: tell, and go on with what is not done."""
        for verdict in verdicts:
            work, outcome = verdict.work, verdict.step.outcome
            self._counts[work.shown] -= 1
            self._counts[outcome] = self._counts.get(outcome, 0) + 1
            work.shown = outcome
            self._failed += outcome is OutcomeKind.FAILED
            tell(verdict)
            if verdict.then is Next.LOOK and (self._stopped_by is None or self._reconciler.draining):
                self._reconciler.add(work)
            elif verdict.then is Next.AGAIN and self._stopped_by is None:
                delay = self._options.retry.delay(max(1, work.tries + work.misses), self._rng)
                heapq.heappush(self._again, (self._clock() + delay, next(self._order), work))
        if self._options.max_failed is not None and self._failed > self._options.max_failed:
            message = f"{self._failed} customers failed, more than the {self._options.max_failed} allowed"
            self._wind_down(GuardError(message, "Mend what the report names; then resume the run."))
        self._progress(dict(self._counts))
        self._hungry.set()
        self._wake()

    def _wake(self) -> None:
        self._changed.set()

    # Stopping.

    async def _watch(self) -> None:
        await self._stop_asked.wait()
        self._wind_down(InterruptedRunError("the run was interrupted", RESUME))

    def _wind_down(self, reason: StopError) -> None:
        """Send nothing more. When the API is gone, what is in doubt is still looked up, as far as that goes."""
        self._stopped_by = self._stopped_by or reason
        self._reconciler.draining = isinstance(reason, ApiUnavailableError)
        if not self._reconciler.draining:
            self._reconciler.clear()
        self._hand_back()
        self._wake()

    def _hand_back(self) -> None:
        """What was announced and did not leave is planned again."""
        while self._ready:
            self._recorder.put(self._strategy.unsent(self._ready.popleft(), self._clock()))

    async def _land(self) -> None:
        """Give requests in flight their time; what has no answer then stays in doubt."""
        until = self._clock() + self._options.grace
        while self._flights and (left := until - self._clock()) > 0:
            self._changed.clear()
            await wait_for(self._changed, left, self._sleep)
        flights = list(self._flights)
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)


def _strategies(api: Api, run: Run, options: SendOptions) -> Strategies:
    known: dict[Action, Strategy] = {Action.CREATE: Creating(api, since=run.started_at - CLOCK_SKEW)}
    if options.merge is not None:
        known[Action.UPDATE] = Updating(api, options.merge, options.on_conflict)
    return Strategies(known)


def _first_of(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error of a group, which may hold groups."""
    first = errors.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first
