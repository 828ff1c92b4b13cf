"""What can be done after a run: retrying failed customers, undoing the run, and verifying it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from importer.ledger.database import AT, DROP_BODIES, Database, as_json, fetch_columns, named, rows, same
from importer.ledger.ledger_schema import (
    ACCEPTED,
    ATTEMPTS,
    CUSTOMERS,
    NOT_SENT,
    OPEN_WRITES,
    OUTCOME_UNKNOWN,
    RUN_CUSTOMERS,
    RUNS,
    SENT,
    WRITES,
    State,
    WriteState,
    stamp,
)
from importer.ledger.runs import Run
from importer.ledger.send_states import ITEM_COLUMNS, Item, read_item, same_customer
from importer.records import TEMPORARY_STATUSES, Action, OutcomeKind

DUPLICATE = "duplicate_in_api"
SETTLED = (OutcomeKind.CREATED, OutcomeKind.UPDATED, OutcomeKind.UNCHANGED, OutcomeKind.EXISTS)
_IN_PLACE = (*OPEN_WRITES, WriteState.DONE, WriteState.KEPT)  # writes whose effect is or may be in the API
_SHOULD_EXIST = RUN_CUSTOMERS.c.outcome.in_((*SETTLED, OutcomeKind.UNKNOWN))
_STATUS = sa.func.coalesce(RUN_CUSTOMERS.c.http_status, 0)
# The customer failed, but the API did not refuse it.
_FAILED_FOR_NOW = sa.and_(
    RUN_CUSTOMERS.c.outcome == OutcomeKind.FAILED, sa.or_(~_STATUS.between(400, 499), _STATUS.in_(TEMPORARY_STATUSES))
)
_NOT_DUPLICATE = sa.func.coalesce(RUN_CUSTOMERS.c.error_code, "") != DUPLICATE

_REMOVED = rows(
    "removed",
    *CUSTOMERS.c["tenant", "reference_id", "state", "customer_id", "run_id"],  # the id that it had, and this run
    RUN_CUSTOMERS.c.position,
)
_DEACTIVATED = _REMOVED.c.state == State.EXISTS
_SET_REMOVED = (
    sa.update(CUSTOMERS)
    .values(
        state=_REMOVED.c.state,
        customer_id=sa.case((_DEACTIVATED, _REMOVED.c.customer_id)),
        display_id=sa.case((_DEACTIVATED, CUSTOMERS.c.display_id)),
        absent_at=sa.case((_DEACTIVATED, CUSTOMERS.c.absent_at), else_=AT),
        updated_at=AT,
    )
    .where(same(CUSTOMERS, _REMOVED))
)
# It was created after all: otherwise resuming the run would send it once more.
_SET_CREATED = (
    sa.update(RUN_CUSTOMERS)
    .values(outcome=OutcomeKind.CREATED, customer_id=_REMOVED.c.customer_id)
    .where(same(RUN_CUSTOMERS, _REMOVED, "run_id", "position"), RUN_CUSTOMERS.c.outcome != OutcomeKind.CREATED)
)
_SETTLE_DELETES = (
    sa.update(WRITES)
    .values(state=WriteState.DONE, settled_at=AT)
    .where(
        same(WRITES, _REMOVED, "tenant", "reference_id", "run_id"),
        WRITES.c.method == "DELETE",
        WRITES.c.entity == "customer",
        WRITES.c.state.in_(OPEN_WRITES),
    )
)


@dataclass(frozen=True, slots=True)
class LedgerCustomer:
    """A customer of a run, with what the ledger knows about it now.

    ``outcome`` is the customer's outcome in the run; ``state``, ``customer_id``, and ``display_id`` are the tenant's
    current ones. ``body`` is the last one that the API accepted, ``updated_at`` the API's time of that, and
    ``children`` the IDs of its children (JSON); None: not known. ``taken_back``: created by the run, removed by undo.
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
        """Whether a request may have been sent, but it is not known whether it took effect."""
        return self.state in OUTCOME_UNKNOWN

    @property
    def update_unknown(self) -> bool:
        """Whether the run created the customer, but it is not known whether a later run changed it."""
        return self.outcome_unknown and self.outcome is OutcomeKind.CREATED


@dataclass(frozen=True, slots=True)
class RemovedCustomer:
    """A customer that undo deleted, or only ``deactivated``. ``customer_id`` is the one that it had."""

    position: int
    reference_id: str
    customer_id: str
    deactivated: bool


class AfterRun(Database):
    """What can be done after a run. The caller must hold the tenant's lock."""

    def reopen(self, run: Run, *, include_refused: bool) -> int:
        """Make failed customers of the run pending again, as if they had not been tried. Returns how many.

        These are the customers that failed for a temporary reason: without an answer, or with an answer that is not a
        refusal (a 4xx other than 408, 425, and 429). With ``include_refused``, refused customers are included, but
        never those that the API has twice. Customers that may be in the API become unknown, so that they are looked up
        before anything is sent.
        """
        may_exist = CUSTOMERS.c.state.in_(OUTCOME_UNKNOWN)
        chosen = sa.and_(
            RUN_CUSTOMERS.c.run_id == run.id,
            RUN_CUSTOMERS.c.outcome == OutcomeKind.FAILED if include_refused else _FAILED_FOR_NOW,
            _NOT_DUPLICATE,
            same_customer(run),
        )
        planned = (
            sa.update(CUSTOMERS)
            .values(state=State.PLANNED, hash=RUN_CUSTOMERS.c.hash, run_id=run.id, updated_at=self._stamp())
            .where(chosen, CUSTOMERS.c.state.in_(NOT_SENT))
        )
        cleared = dict.fromkeys(("http_status", "error_code", "error_message", "refusals", "seconds"))
        opened = (
            sa.update(RUN_CUSTOMERS)
            .values(attempts=0, outcome=sa.case((may_exist, OutcomeKind.UNKNOWN), else_=OutcomeKind.PENDING), **cleared)
            .where(chosen)
        )
        with self._write() as connection:
            connection.execute(planned)
            return connection.execute(opened).rowcount

    def has_open_ends(self, run: Run) -> bool:
        """Whether ``resume`` or ``retry`` would have customers of the run to work on.

        Not counted are customers that a later run of the tenant settled, unless their outcome is unknown.
        """
        ours = RUN_CUSTOMERS.c.run_id == run.id
        is_open = RUN_CUSTOMERS.c.outcome.in_((OutcomeKind.PENDING, OutcomeKind.UNKNOWN))
        left = sa.select(RUN_CUSTOMERS.c.reference_id).where(
            ours, sa.or_(is_open, sa.and_(_FAILED_FOR_NOW, _NOT_DUPLICATE))
        )
        settled = (
            sa.select(RUN_CUSTOMERS.c.reference_id)
            .join(RUNS, RUNS.c.id == RUN_CUSTOMERS.c.run_id)
            .where(
                RUNS.c.tenant == run.tenant,
                RUNS.c.started_at > stamp(run.started_at),
                RUN_CUSTOMERS.c.outcome.in_(SETTLED),
            )
        )
        unknown = (
            sa.select(RUN_CUSTOMERS.c.reference_id)
            .join(CUSTOMERS, same_customer(run))
            .where(ours, CUSTOMERS.c.state.in_(OUTCOME_UNKNOWN))
        )
        with self._read() as connection:

            def some(query: sa.Select[Any] | sa.CompoundSelect[Any]) -> bool:
                return connection.execute(query.limit(1)).first() is not None

            # Most runs leave no customer. What later runs settled may be millions of rows, so it is asked last.
            return some(unknown) or (some(left) and some(left.except_(settled)))

    def made_by(self, run: Run, *, after: int, count: int) -> list[LedgerCustomer]:
        """The next ``count`` customers after the position ``after`` that the run created or may have created.

        Without those that were undone since, even if another run created them again.
        """
        return self._customers(run, _made(run), after, count)

    def count_made(self, run: Run) -> int:
        """How many customers :meth:`made_by` returns in total."""
        return self._count(run, _made(run))

    def count_undone(self, run: Run) -> int:
        """How many customers that the run created are known to be inactive or no longer in the API."""
        inactive = sa.and_(CUSTOMERS.c.state == State.EXISTS, RUN_CUSTOMERS.c.customer_id == CUSTOMERS.c.customer_id)
        gone = sa.or_(CUSTOMERS.c.state.in_(NOT_SENT), inactive)
        return self._count(run, sa.and_(RUN_CUSTOMERS.c.outcome == OutcomeKind.CREATED, gone))

    def undone(self) -> dict[str, int]:
        """Run ID → how many of its customers undo removed or restored, regardless of what happened later."""
        deleted = sa.and_(WRITES.c.method == "DELETE", WRITES.c.entity == "customer", WRITES.c.state == WriteState.DONE)
        query = (
            sa.select(WRITES.c.run_id, sa.func.count(WRITES.c.reference_id.distinct()).label("undone"))
            .where(sa.or_(deleted, WRITES.c.state == WriteState.RESTORED))
            .group_by(WRITES.c.run_id)
        )
        with self._read() as connection:
            return {row.run_id: row.undone for row in connection.execute(query)}

    def updated_by(self, run: Run, *, after: int, count: int) -> list[LedgerCustomer]:
        """The next ``count`` customers after the position ``after`` that the run changed or may have changed.

        Whatever their outcome in the run: they have writes of the run that are or may be in place, see
        :meth:`importer.ledger.writes.Writes.writes_of`, or none at all, if an older version updated them without
        recording writes. Without those whose writes had no effect or were all restored.
        """
        return self._customers(run, _updated(run), after, count)

    def customers_to_verify(self, run: Run, *, after: int, count: int) -> list[LedgerCustomer]:
        """The next ``count`` customers after the position ``after`` that should or may be in the API."""
        return self._customers(run, _SHOULD_EXIST, after, count)

    def count_to_verify(self, run: Run) -> int:
        """How many customers :meth:`customers_to_verify` returns in total."""
        return self._count(run, _SHOULD_EXIST)

    def last_active(self, run: Run) -> datetime:
        """The last time at which the run was known to be sending; none of its requests was sent later."""
        marked = sa.select(sa.func.max(CUSTOMERS.c.updated_at)).where(
            CUSTOMERS.c.tenant == run.tenant, CUSTOMERS.c.run_id == run.id, CUSTOMERS.c.state.in_(OUTCOME_UNKNOWN)
        )
        attempted = sa.select(sa.func.max(ATTEMPTS.c.ended_at)).where(ATTEMPTS.c.run_id == run.id)
        with self._read() as connection:
            stamps = [connection.execute(query).scalar_one() for query in (marked, attempted)]
        moments = [datetime.fromisoformat(text) for text in stamps if text is not None]
        return max([run.started_at, run.finished_at or run.started_at, *moments])

    def record_removed(self, run: Run, removed: Sequence[RemovedCustomer]) -> None:
        """Record what undo removed, in one transaction, and that the run's open DELETEs of these customers are done.

        Deleted customers become absent, so that a later run creates them again. Deactivated ones become ``exists``, so
        that no run creates them. The accepted bodies are dropped.
        """
        rows_removed = []
        for one in removed:
            state = State.EXISTS if one.deactivated else State.ABSENT
            rows_removed.append([run.tenant, one.reference_id, state, one.customer_id, run.id, one.position])
        parameters = {"removed": as_json(rows_removed), "at": self._stamp()}
        with self._write() as connection:
            for statement in (_SET_REMOVED, _SET_CREATED, _SETTLE_DELETES):
                connection.execute(statement, parameters)
            connection.execute(DROP_BODIES, named(run.tenant, [one.reference_id for one in removed]))

    def _count(self, run: Run, which: sa.ColumnElement[bool]) -> int:
        query = sa.select(sa.func.count()).select_from(RUN_CUSTOMERS.join(CUSTOMERS, same_customer(run)))
        with self._read() as connection:
            return int(connection.execute(query.where(RUN_CUSTOMERS.c.run_id == run.id, which)).scalar_one())

    def _customers(self, run: Run, which: sa.ColumnElement[bool], after: int, count: int) -> list[LedgerCustomer]:
        query = (
            sa.select(
                RUN_CUSTOMERS.c.outcome,
                *CUSTOMERS.c["state", "customer_id"],
                *ACCEPTED.c["body", "updated_at", "children"],
                CUSTOMERS.c.display_id,
                RUN_CUSTOMERS.c.customer_id.label("created_id"),
                *ITEM_COLUMNS,
            )
            .select_from(
                RUN_CUSTOMERS.join(CUSTOMERS, same_customer(run)).outerjoin(ACCEPTED, same(CUSTOMERS, ACCEPTED))
            )
            .where(RUN_CUSTOMERS.c.run_id == run.id, RUN_CUSTOMERS.c.position > after, which)
            .order_by(RUN_CUSTOMERS.c.position)
            .limit(count)
        )
        with self._read() as connection:
            columns = fetch_columns(connection, query)
        return [_read_customer(row) for row in zip(*columns, strict=True)]


def _made(run: Run) -> sa.ColumnElement[bool]:
    """Customers that the run created and that are still the same, or that it sent with an unknown outcome.

    A customer that it created may also have an unknown outcome: of an update by another run. If another run found a
    customer in the API after all, the run that sent it counts as its creator.
    """
    last_sent = CUSTOMERS.c.run_id == run.id
    created = sa.and_(
        RUN_CUSTOMERS.c.outcome == OutcomeKind.CREATED,
        RUN_CUSTOMERS.c.customer_id == CUSTOMERS.c.customer_id,
        CUSTOMERS.c.state.in_((*SENT, *OUTCOME_UNKNOWN)),
    )
    found = sa.and_(RUN_CUSTOMERS.c.outcome == OutcomeKind.UNKNOWN, last_sent, CUSTOMERS.c.state == State.CREATED)
    unknown = sa.and_(last_sent, CUSTOMERS.c.state.in_(OUTCOME_UNKNOWN))
    return sa.and_(RUN_CUSTOMERS.c.action == Action.CREATE, sa.or_(created, found, unknown))


def _updated(run: Run) -> sa.ColumnElement[bool]:
    same_id = WRITES.c.reference_id == RUN_CUSTOMERS.c.reference_id
    written = sa.exists().where(WRITES.c.tenant == run.tenant, same_id, WRITES.c.run_id == run.id)
    in_place = written.where(
        WRITES.c.state.in_(_IN_PLACE), sa.or_(WRITES.c.method != "DELETE", WRITES.c.entity != "customer")
    )
    unrecorded = sa.and_(RUN_CUSTOMERS.c.outcome == OutcomeKind.UPDATED, ~written)  # by an older version
    return sa.and_(RUN_CUSTOMERS.c.action == Action.UPDATE, sa.or_(in_place, unrecorded))


def _read_customer(row: Sequence[Any]) -> LedgerCustomer:
    outcome, state, customer_id, body, updated_at, children, display_id, created_id, *rest = row
    # Only undo turns a created customer into one that exists: the API deactivated it instead of deleting it.
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
