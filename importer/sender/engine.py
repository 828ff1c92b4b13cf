"""Sending a run: batches are announced, workers send them, answers are recorded, and unknown outcomes are looked up."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import UTC, datetime, timedelta

import anyio

from importer.api import Answer, AnswerKind, Client, Turns
from importer.api.answers import key_refused
from importer.errors import ApiUnavailableError, GuardError, InterruptedRunError, OutputError, StopError
from importer.ledger import Item, Ledger, Run, State
from importer.records import Action, OutcomeKind, content_hash
from importer.sender.concurrency import Breaker, LedgerThread, Schedule, TransitionRecorder, Wakeup, first_error
from importer.sender.creating import Creating, id_of_another
from importer.sender.customer_task import Bodies, CustomerTask, Next, SendOptions, Transition, log_step
from importer.sender.reconciler import Reconciler, Strategy
from importer.sender.updating import Updating

MOST_UNSETTLED = 10_000  # customers with unknown outcomes (their bodies are in memory) at which no new ones are started
CLOCK_SKEW = timedelta(days=1)  # the most between this machine and the API, including a wrong time zone
RESUME = "Resume the run: it looks up unknown outcomes and continues from there."


@dataclass
class Sender:
    """Sends every open customer of a planned run. The tenant's lock must be held.

    ``progress`` gets the counts each time something becomes durable. Setting ``stop`` ends the run early: customers
    that were not sent are handed back at once, and requests in flight get ``options.grace`` seconds. ``now`` returns
    the time of day for the ledger, which is called in ``thread``.
    """

    ledger: Ledger
    api: Client
    run: Run
    bodies: Bodies
    _: KW_ONLY
    options: SendOptions
    rng: random.Random
    progress: Callable[[Mapping[OutcomeKind, int]], None]
    stop: anyio.Event
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    thread: LedgerThread = field(default_factory=LedgerThread)

    def __post_init__(self) -> None:
        options = self.options
        self._changed = Wakeup()
        self._hungry = Wakeup()
        self._turns = Turns()
        sending = self.api.with_turns(self._turns)
        self._updating = Updating(sending, self.api, self.ledger, self.thread, self.run, options, self.now)
        self._strategies: dict[Action, Strategy] = {
            Action.CREATE: Creating(sending, self.api, options, self.now, self.run.started_at - CLOCK_SKEW),
            Action.UPDATE: self._updating,
        }
        self._breaker = Breaker(options.retry, options.patience, self.rng)
        self._recorder = TransitionRecorder(options.batch_size, self._record, self._follow)
        self._reconciler = Reconciler(
            self._strategies, options, self.rng, self._recorder.put, self._changed.set, self._wind_down
        )
        self._ready, self._tasks = anyio.create_memory_object_stream[CustomerTask](math.inf)
        self._gate = anyio.CapacityLimiter(self._most_in_flight)
        self._again = Schedule()
        self._outstanding = 0  # customers that were announced and whose transition is not with the recorder yet
        self._after = -1  # the last position that was taken from the ledger
        self._begun = 0
        self._exhausted = False
        self._taken_up: set[int] = set()  # positions of those whose outcome was unknown at the start
        self._announcing = False
        self._failed = 0
        self._counts: dict[OutcomeKind, int] = {}
        self._stopped_by: StopError | None = None

    async def send(self) -> dict[OutcomeKind, int]:
        """Return the counts of all the run's outcomes. If canceled, requests in flight stay unknown.

        Raises :class:`StopError`, :class:`LedgerError` (nothing is sent after a failed write), and
        :class:`OutputError` if ``bodies`` differ from those that were planned. The ledger then has the truth, and a
        further call continues: unknown outcomes are looked up, and nothing is sent again blindly.
        """
        try:
            await self._take_up()
            async with anyio.create_task_group() as helpers:
                for helper in (self._recorder.run, self._reconciler.run, self._feed, self._watch):
                    helpers.start_soon(helper)
                async with anyio.create_task_group() as workers:
                    for _ in range(min(self.options.concurrency, sum(self._counts.values()))):
                        workers.start_soon(self._work)
                    await self._until_sent()
                    workers.cancel_scope.cancel()
                while self._announcing or not self._recorder.idle or (self._reconciler.draining and self._reconciler):
                    await self._changed.wait()  # until all is durable, and what can still be looked up is
                helpers.cancel_scope.cancel()
        except anyio.get_cancelled_exc_class():
            self._hand_back()
            with anyio.CancelScope(shield=True):  # answers that arrived are kept; what was cut off stays unknown
                await self._recorder.flush()
            raise
        except BaseExceptionGroup as errors:
            raise first_error(errors) from None
        finally:
            self._ready.close()
            self._tasks.close()
        if self._stopped_by is not None:
            raise self._stopped_by
        return dict(self._counts)

    async def _take_up(self) -> None:
        """Start from the run's state in the ledger; outcomes that a killed process left unknown are looked up first."""
        await self.thread(self.ledger.adopt, self.run)
        unsettled = await self.thread(self.ledger.unsettled, self.run)
        self._counts = await self.thread(self.ledger.counts, self.run.id)
        now = anyio.current_time()
        for start in range(0, len(unsettled), self.options.batch_size):
            for task in await self.thread(self._load, unsettled[start : start + self.options.batch_size]):
                self._taken_up.add(task.item.position)
                sent_by_this_run = task.item.maker == self.run.id
                unknown = replace(task, outcome_unknown=True, sent_by_this_run=sent_by_this_run, abandoned=now)
                self._reconciler.add(replace(unknown, outcome=OutcomeKind.UNKNOWN), at_once=True)

    def _load(self, items: Sequence[Item]) -> list[CustomerTask]:
        """In the ledger's thread: items with their bodies, which must be those that were planned, byte for byte."""
        updates = [item for item in items if item.action is Action.UPDATE]
        bases = self.ledger.bases(self.run, updates) if updates else {}
        names = [item.reference_id for item in updates]
        writes = self.ledger.open_writes(self.run.tenant, names) if updates else {}
        tasks = []
        for item, body in zip(items, self.bodies(items), strict=True):
            if content_hash(body) != item.hash:
                raise OutputError(
                    f"the saved data of customer {item.reference_id} was changed after the plan was made",
                    "Run again with the same sources: the ledger knows what was sent.",
                )
            task = CustomerTask(item, body, item.attempts)
            if item.action is Action.UPDATE:
                posts = tuple(write for write in writes.get(item.reference_id, ()) if write.method == "POST")
                task = replace(task, base=bases[item.reference_id], open_writes=posts)
            tasks.append(task)
        return tasks

    async def _until_sent(self) -> None:
        """Wait until every customer is settled, or the run is stopped and the time for requests in flight is over."""
        while self._stopped_by is None and not self._finished:
            await self._changed.wait()
        with anyio.move_on_after(self.options.grace):
            while self._outstanding:
                await self._changed.wait()

    @property
    def _finished(self) -> bool:
        busy = self._outstanding or self._announcing or not self._recorder.idle
        return self._nothing_new and not (busy or self._again or self._reconciler)

    # Announcing: the feeder keeps up to a batch and a half of customers ready to go.

    async def _feed(self) -> None:
        while True:
            again, fresh = self._next_batch()
            if not again and not fresh:
                due = math.inf if self._full else self._again.due
                await self._hungry.wait(max(0.0, due - anyio.current_time()))
                continue
            self._announcing = True
            tasks = await self.thread(self._mark, again, fresh)
            self._announcing = False
            self._begun += len(tasks) - len(again)
            self._outstanding += len(tasks)
            for task in tasks:
                self._ready.send_nowait(task)
            if self._stopped_by is not None:
                self._hand_back()
            self._changed.set()

    @property
    def _waiting(self) -> int:
        return self._ready.statistics().current_buffer_used

    @property
    def _full(self) -> bool:
        return self._stopped_by is not None or self._waiting > self.options.batch_size // 2

    @property
    def _nothing_new(self) -> bool:
        return self._exhausted or (self.options.limit is not None and self._begun >= self.options.limit)

    def _next_batch(self) -> tuple[list[CustomerTask], int]:
        """The customers that are due again, and how many new ones to announce."""
        if self._full:
            return [], 0
        again = self._again.take(self.options.batch_size)
        fresh = self.options.batch_size - len(again)
        if self._nothing_new or len(self._reconciler) + len(self._again) >= MOST_UNSETTLED:
            fresh = 0
        elif self.options.limit is not None:
            fresh = min(fresh, self.options.limit - self._begun)
        return again, fresh

    def _mark(self, again: list[CustomerTask], fresh: int) -> list[CustomerTask]:
        """In the ledger's thread: make it durable that these customers may be sent, before any of them is."""
        tasks = again
        if fresh:
            items = self.ledger.pending(self.run, after=self._after, count=fresh)
            self._exhausted = len(items) < fresh
            self._after = items[-1].position if items else self._after
            # One that was unknown at the start may have been found absent, and so be pending, before its turn here.
            tasks = again + self._load([item for item in items if item.position not in self._taken_up])
        if tasks:
            self.ledger.mark_sending(self.run, [replace(task.item, attempts=task.attempts) for task in tasks])
        return [replace(task, attempts=task.attempts + 1, tries=task.tries + 1) for task in tasks]

    # Sending.

    @property
    def _most_in_flight(self) -> int:
        return 1 if self._breaker.probing else max(1, min(self.options.concurrency, self.api.limiter.concurrency))

    async def _work(self) -> None:
        async for task in self._tasks:
            if self._waiting <= self.options.batch_size // 2:
                self._hungry.set()
            entered = leaving = False
            try:
                with self._turns.waiting():
                    await self._gate.acquire()
                    entered = True
                    await self._breaker.pause()
                    leaving = True
                if leaving:
                    await self._send_one(task)
            finally:
                if entered:
                    self._gate.release()
                if not leaving:
                    self._put(self._strategies[task.item.action].unsent(task))

    async def _send_one(self, task: CustomerTask) -> None:
        of_round, strategy = self._breaker.round, self._strategies[task.item.action]
        try:
            transition = await strategy.send(task)
        except StopError as error:  # too long a wait, or paths that the API lacks: nothing came of the last request
            transition = strategy.unsent(task)
            self._wind_down(error)
        self._put(transition)
        if transition.task.answer is not None:
            self._check_api(transition.task.answer, of_round)
        if self._most_in_flight != self._gate.total_tokens:
            self._gate.total_tokens = self._most_in_flight

    def _check_api(self, answer: Answer, of_round: int) -> None:
        if answer.kind in (AnswerKind.UNKNOWN, AnswerKind.NOT_SENT):
            self._breaker.failed(of_round)
        else:
            self._breaker.passed()
        if answer.kind is AnswerKind.KEY_REFUSED:
            self._wind_down(key_refused(answer))
        elif self._updating.problem is not None:
            self._wind_down(self._updating.problem)
        elif self._breaker.exhausted:
            silence = f"no usable response from the API for {self.options.patience:.0f} seconds"
            message = f"{silence}; last error: {answer.message or ''}"
            self._wind_down(ApiUnavailableError(message, RESUME))

    def _put(self, transition: Transition) -> None:
        self._outstanding -= 1
        self._recorder.put(transition)

    # What follows.

    async def _record(self, group: list[Transition]) -> list[Transition]:
        """An ID that already belongs to another customer proves that an answer is not about ours."""
        created = [one.step.customer_id for one in group if one.step.state is State.CREATED and one.step.customer_id]
        names = await self.thread(self.ledger.reference_ids_of, self.run.tenant, created) if created else {}
        checked = []
        for one in group:
            owner = name = one.step.reference_id
            if one.step.state is State.CREATED and one.step.customer_id:
                owner = names.setdefault(one.step.customer_id, name)
            checked.append(one if owner == name else id_of_another(one, owner))
        await self.thread(self.ledger.record, self.run, [one.step for one in checked])
        return checked

    def _follow(self, transitions: Sequence[Transition]) -> None:
        for transition in transitions:
            outcome = transition.step.outcome
            self._counts[transition.task.outcome] -= 1
            self._counts[outcome] = self._counts.get(outcome, 0) + 1
            task = replace(transition.task, outcome=outcome)
            self._failed += outcome is OutcomeKind.FAILED
            log_step(transition)
            if transition.then is Next.LOOK_UP and (self._stopped_by is None or self._reconciler.draining):
                self._reconciler.add(task)
            elif transition.then is Next.SEND_AGAIN and self._stopped_by is None:
                delay = self.options.retry.delay(max(1, task.tries + task.misses), self.rng)
                self._again.push(anyio.current_time() + delay, task)
        if self.options.max_failed is not None and self._failed > self.options.max_failed:
            message = f"{self._failed} customers failed, but --max-failed allows only {self.options.max_failed}"
            self._wind_down(GuardError(message, "Fix what the report lists, then resume the run."))
        self.progress(dict(self._counts))
        self._hungry.set()
        self._changed.set()

    # Stopping.

    async def _watch(self) -> None:
        await self.stop.wait()
        self._wind_down(InterruptedRunError("the run was interrupted", RESUME))

    def _wind_down(self, reason: StopError) -> None:
        """Send nothing more. If the API is gone, unknown outcomes are still looked up as far as possible."""
        self._stopped_by = self._stopped_by or reason
        self._reconciler.draining = isinstance(reason, ApiUnavailableError)
        if not self._reconciler.draining:
            self._reconciler.clear()
        self._turns.cancel()
        self._hand_back()
        self._changed.set()

    def _hand_back(self) -> None:
        """Make announced customers planned again if none of their requests was sent."""
        while self._waiting:
            task = self._tasks.receive_nowait()
            self._put(self._strategies[task.item.action].unsent(task))
