"""What the sender records: each step is durable before the request that it announces."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from importer.errors import InternalError
from importer.ledger.database import AT, NAMED, Database, as_json, fetch_columns, named, rows, same, update_from, upsert
from importer.ledger.ledger_schema import (
    ACCEPTED,
    ATTEMPTS,
    CUSTOMERS,
    NOT_SENT,
    OUTCOME_UNKNOWN,
    RUN_CUSTOMERS,
    SENT,
    State,
    stamp,
)
from importer.ledger.runs import Run
from importer.records import Action, OutcomeKind


@dataclass(frozen=True, slots=True)
class Item:
    """A customer of a run that is still to be processed, and the position of its body in the run's payloads.

    If it may have reached the API, ``maker`` is the run that sent it last, and ``sent_hash`` the hash of what was sent.
    """

    position: int
    reference_id: str
    action: Action
    hash: str
    offset: int
    length: int
    attempts: int
    maker: str | None = None
    sent_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Base:
    """What an update starts from: the API's ID, and the state to return to if the update has no effect.

    ``body``: the last one that the API accepted; ``updated_at``: the API's time of that; ``children``: the IDs of its
    children as JSON (``[{"entity", "reference_id", "id"}]``); None: not known.
    """

    customer_id: str | None
    state: State
    body: bytes | None = None
    updated_at: str | None = None
    children: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request with a body, and its result. ``seconds``: from the request to its end."""

    number: int
    ended_at: datetime
    seconds: float
    kind: str
    status: int | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A body that the API accepted, the ids of its children (JSON, as in :class:`Base`), and the API's time of that.

    ``children`` None keeps what the ledger has; ``updated_at`` None: not known.
    """

    body: bytes
    children: str | None
    updated_at: str | None = None


@dataclass(frozen=True, slots=True)
class LedgerStep:
    """A customer's new state in the ledger and in its run. ``refusals`` is JSON; ``attempt`` is recorded if given.

    ``hash``: of the customer's current content, if that is known only now (after an update). If ``display_id`` is None,
    the ledger keeps the one that it has, as long as the customer has the same ID.
    """

    position: int
    reference_id: str
    state: State
    outcome: OutcomeKind
    attempts: int
    customer_id: str | None = None
    http_status: int | None = None
    error_code: str | None = None
    error_message: str | None = None
    refusals: str | None = None
    seconds: float | None = None
    accepted: Accepted | None = None
    attempt: Attempt | None = None
    hash: str | None = None
    display_id: str | None = None


ITEM_COLUMNS = (
    *RUN_CUSTOMERS.c["position", "reference_id", "action", "hash", "body_offset", "body_length", "attempts"],
)
_MARKED = rows("marked", *CUSTOMERS.c["tenant", "reference_id", "hash"])  # without a hash: to be updated
_CREATING = sa.and_(_MARKED.c.hash.is_not(None), CUSTOMERS.c.state.in_(NOT_SENT))
_UPDATING = sa.and_(_MARKED.c.hash.is_(None), CUSTOMERS.c.state.in_((*SENT, State.EXISTS, State.UNKNOWN)))
_OLD_HASH = sa.case((CUSTOMERS.c.state == State.EXISTS, None), else_=CUSTOMERS.c.hash)
_MARK = (
    sa.update(CUSTOMERS)
    .values(
        state=State.SENDING,
        run_id=sa.bindparam("run", type_=sa.Text),
        updated_at=AT,
        hash=sa.func.coalesce(_MARKED.c.hash, _OLD_HASH),
    )
    .where(same(CUSTOMERS, _MARKED), _CREATING | _UPDATING)
)
_ATTEMPTED = rows("attempted", *RUN_CUSTOMERS.c["run_id", "position", "attempts"])
_MARK_IN_RUN = update_from(_ATTEMPTED, RUN_CUSTOMERS, "run_id", "position").values(outcome=OutcomeKind.UNKNOWN)

_STATE_COLUMNS = ("reference_id", "state", "customer_id", "hash", "display_id")
_STATES = rows("states", *CUSTOMERS.c[("tenant", *_STATE_COLUMNS)])
_SAME_ID = CUSTOMERS.c.customer_id == _STATES.c.customer_id
_SET_STATES = update_from(_STATES, CUSTOMERS).values(
    hash=sa.func.coalesce(_STATES.c.hash, CUSTOMERS.c.hash),
    display_id=sa.func.coalesce(_STATES.c.display_id, sa.case((_SAME_ID, CUSTOMERS.c.display_id))),
    absent_at=sa.case((_STATES.c.state == State.ABSENT, AT), else_=CUSTOMERS.c.absent_at),
    updated_at=AT,
)
_RESULT_COLUMNS = (
    *("outcome", "customer_id", "http_status", "attempts"),
    *("error_code", "error_message", "refusals", "seconds"),
)
_RESULTS = rows("results", *RUN_CUSTOMERS.c[("run_id", "position", *_RESULT_COLUMNS)])
_SET_RESULTS = update_from(_RESULTS, RUN_CUSTOMERS, "run_id", "position")
_BODIES = rows("bodies", *ACCEPTED.c["tenant", "reference_id", "body", "children", "updated_at", "accepted_at"])
_SET_BODIES = upsert(ACCEPTED, _BODIES, keeping=["children"])
_ATTEMPTS = rows("attempts", *ATTEMPTS.c["run_id", "reference_id", "number", "ended_at", "seconds", "kind", "status"])
_ADD_ATTEMPTS = sa.insert(ATTEMPTS).from_select([column.name for column in _ATTEMPTS.c], sa.select(_ATTEMPTS))
_BASES = (
    sa.select(
        *CUSTOMERS.c["reference_id", "state", "hash", "customer_id"],
        *ACCEPTED.c["body", "updated_at", "children"],
    )
    .join_from(NAMED, CUSTOMERS, same(CUSTOMERS, NAMED))
    .outerjoin(ACCEPTED, same(ACCEPTED, NAMED))
)


class SendStates(Database):
    """The write-ahead states of a run. The caller must hold the tenant's lock, so that no other run can send for it."""

    def adopt(self, run: Run) -> None:
        """Update the open customers of a run with what other runs of the tenant have found or done since.

        A customer that another run created or found becomes unchanged if the content is the same, and exists otherwise.
        One that another run may have sent becomes unknown, and one that was found absent becomes pending. An update
        becomes unchanged if another run sent the same content.
        """
        same_content = CUSTOMERS.c.hash == RUN_CUSTOMERS.c.hash
        updated = sa.case(
            (CUSTOMERS.c.state.in_(OUTCOME_UNKNOWN), OutcomeKind.UNKNOWN),
            (sa.and_(CUSTOMERS.c.state.in_(SENT), same_content), OutcomeKind.UNCHANGED),
            else_=OutcomeKind.PENDING,
        )
        outcome = sa.case(
            (RUN_CUSTOMERS.c.action == Action.UPDATE, updated),
            (CUSTOMERS.c.state.in_(NOT_SENT), OutcomeKind.PENDING),
            (CUSTOMERS.c.state.in_(OUTCOME_UNKNOWN), OutcomeKind.UNKNOWN),
            (CUSTOMERS.c.state == State.EXISTS, OutcomeKind.EXISTS),
            (CUSTOMERS.c.run_id == RUN_CUSTOMERS.c.run_id, CUSTOMERS.c.state),
            (same_content, OutcomeKind.UNCHANGED),
            else_=OutcomeKind.EXISTS,
        )
        with self._write() as connection:
            connection.execute(
                sa.update(RUN_CUSTOMERS)
                .values(outcome=outcome, customer_id=CUSTOMERS.c.customer_id)
                .where(
                    RUN_CUSTOMERS.c.run_id == run.id,
                    RUN_CUSTOMERS.c.outcome.in_((OutcomeKind.PENDING, OutcomeKind.UNKNOWN)),
                    same_customer(run),
                )
            )

    def unsettled(self, run: Run) -> list[Item]:
        """Customers of the run whose outcome is unknown, because a request may have been sent."""
        sent = CUSTOMERS.c.run_id, CUSTOMERS.c.hash.label("sent_hash")
        query = sa.select(*ITEM_COLUMNS, *sent).join(CUSTOMERS, same_customer(run))
        return self._items(run, query, OutcomeKind.UNKNOWN)

    def pending(self, run: Run, *, after: int, count: int) -> list[Item]:
        """The next ``count`` customers, after the position ``after``, that were not sent yet."""
        query = sa.select(*ITEM_COLUMNS).where(RUN_CUSTOMERS.c.position > after).limit(count)
        return self._items(run, query, OutcomeKind.PENDING)

    def _items(self, run: Run, query: sa.Select[Any], outcome: OutcomeKind) -> list[Item]:
        of_run = sa.and_(RUN_CUSTOMERS.c.run_id == run.id, RUN_CUSTOMERS.c.outcome == outcome)
        with self._read() as connection:
            columns = fetch_columns(connection, query.where(of_run).order_by(RUN_CUSTOMERS.c.position))
        return [read_item(row) for row in zip(*columns, strict=True)]

    def mark_sending(self, run: Run, items: Sequence[Item]) -> None:
        """Announce one more request for each item, in one transaction; they may be sent once this has returned.

        A customer to be created must not be in the API. A customer to be updated keeps the hash of its present content
        until it is known to have other content. Raises :class:`InternalError`, and marks nothing, when one of them is
        in another state.
        """
        marked = [
            [run.tenant, item.reference_id, item.hash if item.action is Action.CREATE else None] for item in items
        ]
        attempted = [[run.id, item.position, item.attempts + 1] for item in items]
        with self._write() as connection:
            parameters = {"marked": as_json(marked), "run": run.id, "at": self._stamp()}
            count = connection.execute(_MARK, parameters).rowcount
            connection.execute(_MARK_IN_RUN, {"attempted": as_json(attempted)})
            if count != len(items):
                raise InternalError(
                    f"{len(items) - count} customers were to be sent that may be in WizCommerce already"
                )

    def bases(self, run: Run, items: Sequence[Item]) -> dict[str, Base]:
        """Reference id → what an update of the customer starts from."""
        with self._read() as connection:
            found = connection.execute(_BASES, named(run.tenant, [item.reference_id for item in items])).all()
        return {
            name: Base(
                customer_id,
                State.EXISTS if state == State.EXISTS or known is None else State.UPDATED,
                None if body is None else body.encode(),
                updated_at,
                children,
            )
            for name, state, known, customer_id, body, updated_at, children in found
        }

    def record(self, run: Run, steps: Sequence[LedgerStep]) -> None:
        """Record the results of requests and lookups, in one transaction: at most one step for each customer."""
        with self._write() as connection:
            self._record(connection, run, steps)

    def take_over(self, run: Run, steps: Sequence[LedgerStep]) -> None:
        """Record what the API has of customers, in one transaction: from now on they count as sent by ``run``.

        Each step has an ``accepted`` body and its ``hash``; the customers are known to the ledger, and none of their
        outcomes is unknown.
        """
        theirs = same(CUSTOMERS, NAMED)
        with self._write() as connection:
            connection.execute(
                sa.update(CUSTOMERS).values(run_id=run.id).where(theirs),
                named(run.tenant, [step.reference_id for step in steps]),
            )
            self._record(connection, run, steps)

    def record_outcomes(self, run: Run, steps: Sequence[LedgerStep]) -> None:
        """Record outcomes in the run only: what the tenant knows about the customers stays as it is."""
        with self._write() as connection:
            connection.execute(_SET_RESULTS, {"results": _results(run, steps)})

    def _record(self, connection: sa.Connection, run: Run, steps: Sequence[LedgerStep]) -> None:
        at = self._stamp()
        states = [[run.tenant, *(getattr(step, name) for name in _STATE_COLUMNS)] for step in steps]
        connection.execute(_SET_STATES, {"states": as_json(states), "at": at})
        connection.execute(_SET_RESULTS, {"results": _results(run, steps)})
        bodies = [
            [run.tenant, step.reference_id, took.body.decode(), took.children, took.updated_at, at]
            for step in steps
            if (took := step.accepted)
        ]
        if bodies:
            connection.execute(_SET_BODIES, {"bodies": as_json(bodies)})
        attempts = [
            [run.id, step.reference_id, made.number, stamp(made.ended_at), made.seconds, made.kind, made.status]
            for step in steps
            if (made := step.attempt)
        ]
        if attempts:
            connection.execute(_ADD_ATTEMPTS, {"attempts": as_json(attempts)})


def same_customer(run: Run) -> sa.ColumnElement[bool]:
    """The customer of the tenant is the one in the run of that tenant."""
    return sa.and_(CUSTOMERS.c.tenant == run.tenant, CUSTOMERS.c.reference_id == RUN_CUSTOMERS.c.reference_id)


def _results(run: Run, steps: Sequence[LedgerStep]) -> str:
    return as_json([[run.id, step.position, *(getattr(step, name) for name in _RESULT_COLUMNS)] for step in steps])


def read_item(row: Sequence[Any]) -> Item:
    """A row of ``ITEM_COLUMNS``, and what may follow them, as an :class:`Item`."""
    position, reference_id, action, *rest = row
    return Item(position, reference_id, Action(action), *rest)
