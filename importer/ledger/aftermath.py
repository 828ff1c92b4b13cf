"""What may be done about a run that has ended: trying again what failed, taking back what it created, checking it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    Text,
    and_,
    case,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)

from importer.ledger import dialect
from importer.ledger.database import Database
from importer.ledger.plans import NOT_SENT
from importer.ledger.runs import Run
from importer.ledger.schema import ACCEPTED, ATTEMPTS, CUSTOMERS, RUN_CUSTOMERS, RUNS, State, stamp
from importer.ledger.sending import ITEM_COLUMNS, Item, read_item
from importer.records import Action, OutcomeKind

__all__ = ["AfterFacet", "Held", "Removed"]

PASSING = (408, 425, 429)  # the 4xx that say nothing about the customer
DUPLICATE = "duplicate_in_api"
MAYBE_THERE = (State.SENDING, State.UNKNOWN)
SETTLED = (OutcomeKind.CREATED, OutcomeKind.UPDATED, OutcomeKind.UNCHANGED, OutcomeKind.EXISTS)
_CHECKED = (
    OutcomeKind.CREATED,
    OutcomeKind.UPDATED,
    OutcomeKind.UNCHANGED,
    OutcomeKind.EXISTS,
    OutcomeKind.UNKNOWN,
)


@dataclass(frozen=True, slots=True)
class Held:
    """A customer of a run as the ledger holds it now.

    ``outcome`` is how it ended in the run, ``state`` and ``customer_id`` are the tenant's present ones, ``body`` is
    the one that the API accepted last, ``updated_at`` the API's own time of that (None: not known).
    """

    item: Item
    outcome: OutcomeKind
    state: State
    customer_id: str | None
    body: bytes | None
    updated_at: str | None = None

    @property
    def in_doubt(self) -> bool:
        """A request may have left, and nobody knows what came of it."""
        return self.state in MAYBE_THERE

    @property
    def update_in_doubt(self) -> bool:
        """It is there, but whether another run changed it is not known yet."""
        return self.in_doubt and self.outcome is OutcomeKind.CREATED


@dataclass(frozen=True, slots=True)
class Removed:
    """A customer that was taken back: deleted, or merely ``deactivated``. ``customer_id`` is the one it had."""

    position: int
    reference_id: str
    customer_id: str
    deactivated: bool


_REMOVED = dialect.rows(
    "removed",
    tenant=Text(),
    reference_id=Text(),
    state=Text(),
    customer_id=Text(),
    absent_at=Text(),
    run_id=Text(),
    position=Integer(),
    had=Text(),
)
_FORGET = (
    update(CUSTOMERS)
    .values(
        state=_REMOVED.c.state,
        customer_id=_REMOVED.c.customer_id,
        absent_at=func.coalesce(_REMOVED.c.absent_at, CUSTOMERS.c.absent_at),
        updated_at=func.coalesce(_REMOVED.c.absent_at, CUSTOMERS.c.updated_at),
    )
    .where(CUSTOMERS.c.tenant == _REMOVED.c.tenant, CUSTOMERS.c.reference_id == _REMOVED.c.reference_id)
)
_FORGET_BODIES = delete(ACCEPTED).where(
    tuple_(ACCEPTED.c.tenant, ACCEPTED.c.reference_id).in_(select(_REMOVED.c.tenant, _REMOVED.c.reference_id))
)
# It was created after all: without this, resuming the run would send it once more.
_SETTLE = (
    update(RUN_CUSTOMERS)
    .values(outcome=OutcomeKind.CREATED, customer_id=_REMOVED.c.had)
    .where(
        RUN_CUSTOMERS.c.run_id == _REMOVED.c.run_id,
        RUN_CUSTOMERS.c.position == _REMOVED.c.position,
        RUN_CUSTOMERS.c.outcome != OutcomeKind.CREATED,
    )
)


class AfterFacet(Database):
    """The aftermath of a run. The tenant's lock must be held."""

    def reopen(self, run: Run, *, include_refused: bool) -> int:
        """Make failed customers of the run pending again, as if they had not been tried; how many they are.

        Taken are those that failed for a reason that can pass: without an answer, or with one that is no refusal (4xx
        apart from 408, 425 and 429). ``include_refused`` takes the refused ones, too. Never taken: what the API holds
        twice. Those that may be in the API become unknown, so that they are looked up before anything is sent.
        """
        status = func.coalesce(RUN_CUSTOMERS.c.http_status, 0)
        chosen = and_(
            RUN_CUSTOMERS.c.run_id == run.id,
            RUN_CUSTOMERS.c.outcome == OutcomeKind.FAILED,
            func.coalesce(RUN_CUSTOMERS.c.error_code, "") != DUPLICATE,
            _same_customer(run),
        )
        if not include_refused:
            chosen = and_(chosen, or_(~status.between(400, 499), status.in_(PASSING)))
        planned = (
            update(CUSTOMERS)
            .values(state=State.PLANNED, hash=RUN_CUSTOMERS.c.hash, run_id=run.id, updated_at=self._stamp())
            .where(chosen, CUSTOMERS.c.state.in_(NOT_SENT))
        )
        cleared = dict.fromkeys(("http_status", "error_code", "error_message", "refusals", "seconds"))
        opened = (
            update(RUN_CUSTOMERS)
            .values(
                outcome=case((CUSTOMERS.c.state.in_(MAYBE_THERE), OutcomeKind.UNKNOWN), else_=OutcomeKind.PENDING),
                attempts=0,
                **cleared,
            )
            .where(chosen)
        )
        with self._write() as connection:
            connection.execute(planned)
            return connection.execute(opened).rowcount

    def has_open_ends(self, run: Run) -> bool:
        """Whether there are customers of the run still to deal with, whom ``resume`` or ``retry`` would take up.

        Those whom a later run of the tenant settled are dealt with; whoever is in doubt is not.
        """
        mine = RUN_CUSTOMERS.c.run_id == run.id
        status = func.coalesce(RUN_CUSTOMERS.c.http_status, 0)
        can_pass = and_(
            RUN_CUSTOMERS.c.outcome == OutcomeKind.FAILED,
            func.coalesce(RUN_CUSTOMERS.c.error_code, "") != DUPLICATE,
            or_(~status.between(400, 499), status.in_(PASSING)),
        )
        left = select(RUN_CUSTOMERS.c.reference_id).where(
            mine, or_(RUN_CUSTOMERS.c.outcome.in_((OutcomeKind.PENDING, OutcomeKind.UNKNOWN)), can_pass)
        )
        settled = (
            select(RUN_CUSTOMERS.c.reference_id)
            .join(RUNS, RUNS.c.id == RUN_CUSTOMERS.c.run_id)
            .where(
                RUNS.c.tenant == run.tenant,
                RUNS.c.started_at > stamp(run.started_at),
                RUN_CUSTOMERS.c.outcome.in_(SETTLED),
            )
        )
        doubtful = (
            select(RUN_CUSTOMERS.c.reference_id)
            .join(CUSTOMERS, _same_customer(run))
            .where(mine, CUSTOMERS.c.state.in_(MAYBE_THERE))
        )
        with self._read() as connection:

            def some(query: Select[Any] | CompoundSelect[Any]) -> bool:
                return connection.execute(query.limit(1)).first() is not None

            # Most runs left nobody: only of others what all later ones settled, which may be millions of rows.
            return some(doubtful) or (some(left) and some(left.except_(settled)))

    def made_by(self, run: Run, *, after: int, count: int) -> list[Held]:
        """The next ``count`` customers, behind the position ``after``, that the run created or may have created.

        Left out are those that were taken back since, also when another run created them anew.
        """
        return self._held(run, _made(run), after, count)

    def count_made(self, run: Run) -> int:
        """How many customers :meth:`made_by` gives in all."""
        return self._count(run, _made(run))

    def held_by(self, run: Run, *, after: int, count: int) -> list[Held]:
        """The next ``count`` customers, behind the position ``after``, that should or may be in the API."""
        return self._held(run, RUN_CUSTOMERS.c.outcome.in_(_CHECKED), after, count)

    def count_held(self, run: Run) -> int:
        """How many customers :meth:`held_by` gives in all."""
        return self._count(run, RUN_CUSTOMERS.c.outcome.in_(_CHECKED))

    def last_heard(self, run: Run) -> datetime:
        """When the run is known to have been sending last: later than this, no request of it left."""
        marked = select(func.max(CUSTOMERS.c.updated_at)).where(
            CUSTOMERS.c.tenant == run.tenant, CUSTOMERS.c.run_id == run.id, CUSTOMERS.c.state.in_(MAYBE_THERE)
        )
        attempted = select(func.max(ATTEMPTS.c.ended_at)).where(ATTEMPTS.c.run_id == run.id)
        with self._read() as connection:
            stamps = [connection.execute(query).scalar_one() for query in (marked, attempted)]
        moments = [datetime.fromisoformat(text) for text in stamps if text is not None]
        return max([run.started_at, *moments, *([run.finished_at] if run.finished_at else [])])

    def record_removed(self, run: Run, removed: Sequence[Removed]) -> None:
        """Enter what was taken back, in one transaction.

        Deleted ones are absent from now on, so that a later run creates them again. Deactivated ones exist, so that
        no run touches them. The bodies are forgotten.
        """
        at = self._stamp()
        rows = [
            [run.tenant, one.reference_id, State.EXISTS, one.customer_id, None, run.id, one.position, one.customer_id]
            if one.deactivated
            else [run.tenant, one.reference_id, State.ABSENT, None, at, run.id, one.position, one.customer_id]
            for one in removed
        ]
        with self._write() as connection:
            for statement in (_FORGET, _FORGET_BODIES, _SETTLE):
                connection.execute(statement, {"removed": dialect.as_json(rows)})

    def _count(self, run: Run, which: ColumnElement[bool]) -> int:
        query = select(func.count()).select_from(RUN_CUSTOMERS.join(CUSTOMERS, _same_customer(run)))
        with self._read() as connection:
            return int(connection.execute(query.where(RUN_CUSTOMERS.c.run_id == run.id, which)).scalar_one())

    def _held(self, run: Run, which: ColumnElement[bool], after: int, count: int) -> list[Held]:
        accepted = and_(ACCEPTED.c.tenant == run.tenant, ACCEPTED.c.reference_id == RUN_CUSTOMERS.c.reference_id)
        query = (
            select(
                RUN_CUSTOMERS.c.outcome,
                CUSTOMERS.c.state,
                CUSTOMERS.c.customer_id,
                ACCEPTED.c.body,
                ACCEPTED.c.updated_at.label("updated_at"),
                *ITEM_COLUMNS,
            )
            .select_from(RUN_CUSTOMERS.join(CUSTOMERS, _same_customer(run)).outerjoin(ACCEPTED, accepted))
            .where(RUN_CUSTOMERS.c.run_id == run.id, RUN_CUSTOMERS.c.position > after, which)
            .order_by(RUN_CUSTOMERS.c.position)
            .limit(count)
        )
        with self._read() as connection:
            return [_read_held(row) for row in dialect.fetch_together(connection, query)]


def _same_customer(run: Run) -> ColumnElement[bool]:
    return and_(CUSTOMERS.c.tenant == run.tenant, CUSTOMERS.c.reference_id == RUN_CUSTOMERS.c.reference_id)


def _made(run: Run) -> ColumnElement[bool]:
    """Customers that are the run's doing: created and still the same, or sent by it with an open end.

    One that it created may be in doubt all the same: of an update that another run sent.
    What another run found of an open end is the doing of the run that sent it.
    """
    last_sent = CUSTOMERS.c.run_id == run.id
    created = and_(
        RUN_CUSTOMERS.c.outcome == OutcomeKind.CREATED,
        RUN_CUSTOMERS.c.customer_id == CUSTOMERS.c.customer_id,
        CUSTOMERS.c.state.in_((State.CREATED, State.UPDATED, *MAYBE_THERE)),
    )
    found = and_(RUN_CUSTOMERS.c.outcome == OutcomeKind.UNKNOWN, last_sent, CUSTOMERS.c.state == State.CREATED)
    doubtful = and_(last_sent, CUSTOMERS.c.state.in_(MAYBE_THERE))
    return and_(RUN_CUSTOMERS.c.action == Action.CREATE, or_(created, found, doubtful))


def _read_held(row: list[Any]) -> Held:
    outcome, state, customer_id, body, updated_at, *rest = row
    known = State(state) not in MAYBE_THERE
    return Held(
        read_item(rest),
        OutcomeKind(outcome),
        State(state),
        customer_id if known else None,
        body.encode() if known and body is not None else None,
        updated_at if known else None,
    )
