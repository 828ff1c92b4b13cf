"""What can be done about a run that has ended: trying again what failed, taking it back, verifying it."""

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
    bindparam,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
    update,
)

from importer.ledger import dialect
from importer.ledger.database import Database
from importer.ledger.ledger_schema import (
    ACCEPTED,
    ATTEMPTS,
    CUSTOMERS,
    RUN_CUSTOMERS,
    RUNS,
    WRITES,
    State,
    WriteState,
    stamp,
)
from importer.ledger.run_plans import NOT_SENT
from importer.ledger.runs import Run
from importer.ledger.send_states import ITEM_COLUMNS, Item, read_item
from importer.ledger.writes import OPEN_WRITES
from importer.records import TEMPORARY_STATUSES, Action, OutcomeKind

__all__ = ["AfterRunFacet", "LedgerCustomer", "Removed"]

DUPLICATE = "duplicate_in_api"
MAYBE_THERE = (State.SENDING, State.UNKNOWN)
SETTLED = (OutcomeKind.CREATED, OutcomeKind.UPDATED, OutcomeKind.UNCHANGED, OutcomeKind.EXISTS)
_CHECKED = (*SETTLED, OutcomeKind.UNKNOWN)
_IN_PLACE = (*OPEN_WRITES, WriteState.DONE, WriteState.KEPT)  # writes whose effect is or may be there


@dataclass(frozen=True, slots=True)
class LedgerCustomer:
    """A customer of a run as the ledger knows it now.

    ``outcome`` is how it ended in the run, ``state``, ``customer_id`` and ``display_id`` are the tenant's present ones.
    ``body`` is the one that the API accepted last, ``updated_at`` the API's own time of that, ``children`` the ids of
    its children (JSON); None: not known. ``taken_back``: the run created it, and it was deleted or deactivated since.
    """

    item: Item
    outcome: OutcomeKind
    state: State
    customer_id: str | None
    body: bytes | None
    updated_at: str | None = None
    children: str | None = None
    display_id: str | None = None
    taken_back: bool = False

    @property
    def outcome_unknown(self) -> bool:
        """A request may have left, and it is not known whether it took effect."""
        return self.state in MAYBE_THERE

    @property
    def update_unknown(self) -> bool:
        """The run created it, but it is not known whether a later run changed it."""
        return self.outcome_unknown and self.outcome is OutcomeKind.CREATED


@dataclass(frozen=True, slots=True)
class Removed:
    """A customer that was taken back: deleted, or only ``deactivated``. ``customer_id`` is the one that it had."""

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
_TAKE_BACK = (
    update(CUSTOMERS)
    .values(
        state=_REMOVED.c.state,
        customer_id=_REMOVED.c.customer_id,
        display_id=case((_REMOVED.c.customer_id.is_not(None), CUSTOMERS.c.display_id)),
        absent_at=func.coalesce(_REMOVED.c.absent_at, CUSTOMERS.c.absent_at),
        updated_at=func.coalesce(_REMOVED.c.absent_at, CUSTOMERS.c.updated_at),
    )
    .where(CUSTOMERS.c.tenant == _REMOVED.c.tenant, CUSTOMERS.c.reference_id == _REMOVED.c.reference_id)
)
_DROP_BODIES = delete(ACCEPTED).where(
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
_DELETED = (
    update(WRITES)
    .values(state=WriteState.DONE, settled_at=bindparam("at", type_=Text))
    .where(
        WRITES.c.tenant == _REMOVED.c.tenant,
        WRITES.c.reference_id == _REMOVED.c.reference_id,
        WRITES.c.run_id == _REMOVED.c.run_id,
        WRITES.c.method == "DELETE",
        WRITES.c.entity == "customer",
        WRITES.c.state.in_(OPEN_WRITES),
    )
)


class AfterRunFacet(Database):
    """What follows a run. The tenant's lock must be held."""

    def reopen(self, run: Run, *, include_refused: bool) -> int:
        """Make failed customers of the run pending again, as if they had not been tried. Returns how many.

        Taken are those that failed for a temporary reason: without an answer, or with one that is not a refusal (a
        4xx other than 408, 425 and 429). ``include_refused`` takes the refused ones, too. Never taken: customers that
        the API has twice. Those that may be in the API become unknown, so that they are looked up before anything is
        sent.
        """
        chosen = and_(
            RUN_CUSTOMERS.c.run_id == run.id,
            RUN_CUSTOMERS.c.outcome == OutcomeKind.FAILED if include_refused else _failed_for_now(),
            func.coalesce(RUN_CUSTOMERS.c.error_code, "") != DUPLICATE,
            _same_customer(run),
        )
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
        """Whether customers of the run are left that ``resume`` or ``retry`` would take up.

        A customer that a later run of the tenant settled is not left; one whose outcome is unknown always is.
        """
        ours = RUN_CUSTOMERS.c.run_id == run.id
        temporary = and_(_failed_for_now(), func.coalesce(RUN_CUSTOMERS.c.error_code, "") != DUPLICATE)
        left = select(RUN_CUSTOMERS.c.reference_id).where(
            ours, or_(RUN_CUSTOMERS.c.outcome.in_((OutcomeKind.PENDING, OutcomeKind.UNKNOWN)), temporary)
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
        unknown = (
            select(RUN_CUSTOMERS.c.reference_id)
            .join(CUSTOMERS, _same_customer(run))
            .where(ours, CUSTOMERS.c.state.in_(MAYBE_THERE))
        )
        with self._read() as connection:

            def some(query: Select[Any] | CompoundSelect[Any]) -> bool:
                return connection.execute(query.limit(1)).first() is not None

            # Most runs leave no customer: only for others ask what later ones settled, which may be millions of rows.
            return some(unknown) or (some(left) and some(left.except_(settled)))

    def made_by(self, run: Run, *, after: int, count: int) -> list[LedgerCustomer]:
        """The next ``count`` customers behind the position ``after`` that the run created or may have created.

        Left out are those that were taken back since, even if another run created them again.
        """
        return self._customers(run, _made(run), after, count)

    def count_made(self, run: Run) -> int:
        """How many customers :meth:`made_by` gives in all."""
        return self._count(run, _made(run))

    def updated_by(self, run: Run, *, after: int, count: int) -> list[LedgerCustomer]:
        """The next ``count`` customers behind the position ``after`` that the run changed or may have changed.

        Whatever their outcome in the run is: they have writes of it that are in place or may be, see
        :meth:`importer.ledger.writes.WriteFacet.writes_of`, or none, where a version updated them that recorded none.
        Left out are those whose writes had no effect or were all restored.
        """
        return self._customers(run, _updated(run), after, count)

    def count_updated(self, run: Run) -> int:
        """How many customers :meth:`updated_by` gives in all."""
        return self._count(run, _updated(run))

    def held_by(self, run: Run, *, after: int, count: int) -> list[LedgerCustomer]:
        """The next ``count`` customers behind the position ``after`` that should or may be in the API."""
        return self._customers(run, RUN_CUSTOMERS.c.outcome.in_(_CHECKED), after, count)

    def count_held(self, run: Run) -> int:
        """How many customers :meth:`held_by` gives in all."""
        return self._count(run, RUN_CUSTOMERS.c.outcome.in_(_CHECKED))

    def last_heard(self, run: Run) -> datetime:
        """When the run is last known to have been sending: no request of it left later."""
        marked = select(func.max(CUSTOMERS.c.updated_at)).where(
            CUSTOMERS.c.tenant == run.tenant, CUSTOMERS.c.run_id == run.id, CUSTOMERS.c.state.in_(MAYBE_THERE)
        )
        attempted = select(func.max(ATTEMPTS.c.ended_at)).where(ATTEMPTS.c.run_id == run.id)
        with self._read() as connection:
            stamps = [connection.execute(query).scalar_one() for query in (marked, attempted)]
        moments = [datetime.fromisoformat(text) for text in stamps if text is not None]
        return max([run.started_at, *moments, *([run.finished_at] if run.finished_at else [])])

    def record_removed(self, run: Run, removed: Sequence[Removed]) -> None:
        """Record what was taken back, in one transaction; the run's open DELETEs of these customers are done by that.

        Deleted customers are absent from now on, so that a later run creates them again. Deactivated ones exist, so
        that no run creates them. The accepted bodies are dropped.
        """
        at = self._stamp()
        rows = [
            [run.tenant, one.reference_id, State.EXISTS, one.customer_id, None, run.id, one.position, one.customer_id]
            if one.deactivated
            else [run.tenant, one.reference_id, State.ABSENT, None, at, run.id, one.position, one.customer_id]
            for one in removed
        ]
        with self._write() as connection:
            for statement in (_TAKE_BACK, _DROP_BODIES, _SETTLE, _DELETED):
                connection.execute(statement, {"removed": dialect.as_json(rows), "at": at})

    def _count(self, run: Run, which: ColumnElement[bool]) -> int:
        query = select(func.count()).select_from(RUN_CUSTOMERS.join(CUSTOMERS, _same_customer(run)))
        with self._read() as connection:
            return int(connection.execute(query.where(RUN_CUSTOMERS.c.run_id == run.id, which)).scalar_one())

    def _customers(self, run: Run, which: ColumnElement[bool], after: int, count: int) -> list[LedgerCustomer]:
        accepted = and_(ACCEPTED.c.tenant == run.tenant, ACCEPTED.c.reference_id == RUN_CUSTOMERS.c.reference_id)
        query = (
            select(
                RUN_CUSTOMERS.c.outcome,
                CUSTOMERS.c.state,
                CUSTOMERS.c.customer_id,
                ACCEPTED.c.body,
                ACCEPTED.c.updated_at.label("updated_at"),
                ACCEPTED.c.children,
                CUSTOMERS.c.display_id,
                RUN_CUSTOMERS.c.customer_id.label("created_id"),
                *ITEM_COLUMNS,
            )
            .select_from(RUN_CUSTOMERS.join(CUSTOMERS, _same_customer(run)).outerjoin(ACCEPTED, accepted))
            .where(RUN_CUSTOMERS.c.run_id == run.id, RUN_CUSTOMERS.c.position > after, which)
            .order_by(RUN_CUSTOMERS.c.position)
            .limit(count)
        )
        with self._read() as connection:
            return [_read_customer(row) for row in dialect.fetch_together(connection, query)]


def _same_customer(run: Run) -> ColumnElement[bool]:
    return and_(CUSTOMERS.c.tenant == run.tenant, CUSTOMERS.c.reference_id == RUN_CUSTOMERS.c.reference_id)


def _failed_for_now() -> ColumnElement[bool]:
    """The customer failed, but the API did not refuse it."""
    status = func.coalesce(RUN_CUSTOMERS.c.http_status, 0)
    return and_(
        RUN_CUSTOMERS.c.outcome == OutcomeKind.FAILED, or_(~status.between(400, 499), status.in_(TEMPORARY_STATUSES))
    )


def _made(run: Run) -> ColumnElement[bool]:
    """Customers that the run created and that are still the same, or that it sent with an unknown outcome.

    The outcome of one that it created may be unknown, too: of an update that another run sent. A customer that another
    run found to be there is the doing of the run that sent it.
    """
    last_sent = CUSTOMERS.c.run_id == run.id
    created = and_(
        RUN_CUSTOMERS.c.outcome == OutcomeKind.CREATED,
        RUN_CUSTOMERS.c.customer_id == CUSTOMERS.c.customer_id,
        CUSTOMERS.c.state.in_((State.CREATED, State.UPDATED, *MAYBE_THERE)),
    )
    found = and_(RUN_CUSTOMERS.c.outcome == OutcomeKind.UNKNOWN, last_sent, CUSTOMERS.c.state == State.CREATED)
    unknown = and_(last_sent, CUSTOMERS.c.state.in_(MAYBE_THERE))
    return and_(RUN_CUSTOMERS.c.action == Action.CREATE, or_(created, found, unknown))


def _updated(run: Run) -> ColumnElement[bool]:
    written = exists().where(
        WRITES.c.tenant == run.tenant,
        WRITES.c.reference_id == RUN_CUSTOMERS.c.reference_id,
        WRITES.c.run_id == run.id,
    )
    in_place = written.where(
        WRITES.c.state.in_(_IN_PLACE), or_(WRITES.c.method != "DELETE", WRITES.c.entity != "customer")
    )
    unrecorded = and_(RUN_CUSTOMERS.c.outcome == OutcomeKind.UPDATED, ~written)  # by a version that kept no writes
    return and_(RUN_CUSTOMERS.c.action == Action.UPDATE, or_(in_place, unrecorded))


def _read_customer(row: list[Any]) -> LedgerCustomer:
    outcome, state, customer_id, body, updated_at, children, display_id, created_id, *rest = row
    # Only undo makes a customer of ours one that exists: the API deactivated it instead of deleting it.
    removed = state in NOT_SENT or (state == State.EXISTS and customer_id == created_id)
    return LedgerCustomer(
        read_item(rest),
        OutcomeKind(outcome),
        State(state),
        customer_id,
        None if body is None else body.encode(),
        updated_at,
        children,
        display_id,
        taken_back=outcome == OutcomeKind.CREATED and removed,
    )
