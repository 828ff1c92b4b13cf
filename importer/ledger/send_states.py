"""What the sender records: every step is durable before the thing that it announces."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Float, Integer, Text, and_, bindparam, case, func, insert, select, update
from sqlalchemy.types import TypeEngine

from importer.errors import InternalError
from importer.ledger import dialect
from importer.ledger.database import Database
from importer.ledger.ledger_schema import ACCEPTED, ATTEMPTS, CUSTOMERS, RUN_CUSTOMERS, State, stamp
from importer.ledger.run_plans import NOT_SENT
from importer.ledger.runs import Run
from importer.records import Action, OutcomeKind

__all__ = ["ITEM_COLUMNS", "Accepted", "Attempt", "Base", "Item", "SendFacet", "Step", "read_item"]


@dataclass(frozen=True, slots=True)
class Item:
    """A customer of a run that is still to be dealt with, and where its body lies in the run's payloads.

    ``maker`` is the run that sent it last and ``sent_hash`` what it sent, when that may have reached the API.
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
    """What an update starts from: the API's id, and the state to go back to when nothing comes of the update.

    ``body``: the one that the API accepted last, ``updated_at`` its own time of that, ``children`` the ids of its
    children as JSON (``[{"entity", "reference_id", "id"}]``); None: not known.
    """

    customer_id: str | None
    state: State
    body: bytes | None = None
    updated_at: str | None = None
    children: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request that carried a body, and what came of it. ``seconds``: from the request to its end."""

    number: int
    ended_at: datetime
    seconds: float
    kind: str
    status: int | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A body that the API accepted, the ids of its children (JSON, as in :class:`Base`), and its time of the change.

    ``children`` None keeps what the ledger has; ``updated_at`` None: not known.
    """

    body: bytes
    children: str | None
    updated_at: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A customer's new state in the ledger and in its run. ``refusals`` is JSON; ``attempt`` is entered if given.

    ``hash``: of the content that the customer has now, where that is known only now (after an update).
    ``display_id`` None keeps what the ledger has, as long as the customer has the same id.
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


_KEY: dict[str, TypeEngine[Any]] = {"tenant": Text(), "reference_id": Text()}
_PLACE: dict[str, TypeEngine[Any]] = {"run_id": Text(), "position": Integer()}
_CLAIM = dialect.rows("claims", **_KEY, hash=Text())
_CLAIM_RUN = dialect.rows("places", **_PLACE, attempts=Integer())
_STATE = dialect.rows("states", **_KEY, state=Text(), customer_id=Text(), hash=Text(), display_id=Text())
_WANTED = dialect.rows("wanted", **_KEY)
_RESULT = dialect.rows(
    "results",
    **_PLACE,
    outcome=Text(),
    customer_id=Text(),
    http_status=Integer(),
    attempts=Integer(),
    error_code=Text(),
    error_message=Text(),
    refusals=Text(),
    seconds=Float(),
)
_RESULT_COLUMNS = tuple(column.name for column in _RESULT.c if column.name not in _PLACE)
_BODY = dialect.rows("bodies", **_KEY, body=Text(), children=Text(), updated_at=Text(), accepted_at=Text())
_ATTEMPT = dialect.rows(
    "attempts",
    run_id=Text(),
    reference_id=Text(),
    number=Integer(),
    ended_at=Text(),
    seconds=Float(),
    kind=Text(),
    status=Integer(),
)
ITEM_COLUMNS = (
    RUN_CUSTOMERS.c.position,
    RUN_CUSTOMERS.c.reference_id,
    RUN_CUSTOMERS.c.action,
    RUN_CUSTOMERS.c.hash,
    RUN_CUSTOMERS.c.body_offset,
    RUN_CUSTOMERS.c.body_length,
    RUN_CUSTOMERS.c.attempts,
)
_SAME_CUSTOMER = RUN_CUSTOMERS.c.reference_id == CUSTOMERS.c.reference_id
_OPEN = (OutcomeKind.PENDING, OutcomeKind.UNKNOWN)
_SENT = (State.CREATED, State.UPDATED)


_SET_STATES = (
    update(CUSTOMERS)
    .values(
        state=_STATE.c.state,
        customer_id=_STATE.c.customer_id,
        hash=func.coalesce(_STATE.c.hash, CUSTOMERS.c.hash),
        display_id=func.coalesce(
            _STATE.c.display_id, case((CUSTOMERS.c.customer_id == _STATE.c.customer_id, CUSTOMERS.c.display_id))
        ),
        absent_at=case((_STATE.c.state == State.ABSENT, bindparam("at", type_=Text)), else_=CUSTOMERS.c.absent_at),
        updated_at=bindparam("at", type_=Text),
    )
    .where(CUSTOMERS.c.tenant == _STATE.c.tenant, CUSTOMERS.c.reference_id == _STATE.c.reference_id)
)
_SET_RESULTS = (
    update(RUN_CUSTOMERS)
    .values({name: _RESULT.c[name] for name in _RESULT_COLUMNS})
    .where(RUN_CUSTOMERS.c.run_id == _RESULT.c.run_id, RUN_CUSTOMERS.c.position == _RESULT.c.position)
)
_BASES = (
    select(
        CUSTOMERS.c.reference_id,
        CUSTOMERS.c.state,
        CUSTOMERS.c.hash,
        CUSTOMERS.c.customer_id,
        ACCEPTED.c.body,
        ACCEPTED.c.updated_at.label("accepted_updated_at"),
        ACCEPTED.c.children,
    )
    .join_from(
        _WANTED,
        CUSTOMERS,
        and_(CUSTOMERS.c.tenant == _WANTED.c.tenant, CUSTOMERS.c.reference_id == _WANTED.c.reference_id),
    )
    .outerjoin(ACCEPTED, and_(ACCEPTED.c.tenant == _WANTED.c.tenant, ACCEPTED.c.reference_id == _WANTED.c.reference_id))
)
_SET_BODIES = dialect.replacing(ACCEPTED, _BODY, keeping=["children"])
_ADD_ATTEMPTS = insert(ATTEMPTS).from_select([column.name for column in _ATTEMPT.c], select(_ATTEMPT))


class SendFacet(Database):
    """The write-ahead states of a run. The tenant's lock must be held: no other run may send for it meanwhile."""

    def adopt(self, run: Run) -> None:
        """Bring the open customers of a run up to what other runs of the tenant have found or done since.

        Created or found by another run: unchanged when the content is the same, else exists. Possibly sent by
        another: unknown. Found absent: pending. Of updates: unchanged when another brought the same content.
        """
        updated = case(
            (CUSTOMERS.c.state.in_((State.SENDING, State.UNKNOWN)), OutcomeKind.UNKNOWN),
            (
                and_(CUSTOMERS.c.state.in_(_SENT), CUSTOMERS.c.hash == RUN_CUSTOMERS.c.hash),
                OutcomeKind.UNCHANGED,
            ),
            else_=OutcomeKind.PENDING,
        )
        outcome = case(
            (RUN_CUSTOMERS.c.action == Action.UPDATE, updated),
            (CUSTOMERS.c.state.in_(NOT_SENT), OutcomeKind.PENDING),
            (CUSTOMERS.c.state.in_((State.SENDING, State.UNKNOWN)), OutcomeKind.UNKNOWN),
            (CUSTOMERS.c.state == State.EXISTS, OutcomeKind.EXISTS),
            (CUSTOMERS.c.run_id == RUN_CUSTOMERS.c.run_id, CUSTOMERS.c.state),
            (CUSTOMERS.c.hash == RUN_CUSTOMERS.c.hash, OutcomeKind.UNCHANGED),
            else_=OutcomeKind.EXISTS,
        )
        with self._write() as connection:
            connection.execute(
                update(RUN_CUSTOMERS)
                .values(outcome=outcome, customer_id=CUSTOMERS.c.customer_id)
                .where(
                    RUN_CUSTOMERS.c.run_id == run.id,
                    RUN_CUSTOMERS.c.outcome.in_(_OPEN),
                    CUSTOMERS.c.tenant == run.tenant,
                    _SAME_CUSTOMER,
                )
            )

    def unsettled(self, run: Run) -> list[Item]:
        """Customers of the run whose outcome is unknown: a request may have left."""
        query = (
            select(*ITEM_COLUMNS, CUSTOMERS.c.run_id, CUSTOMERS.c.hash.label("sent_hash"))
            .join(CUSTOMERS, and_(CUSTOMERS.c.tenant == run.tenant, _SAME_CUSTOMER))
            .where(RUN_CUSTOMERS.c.run_id == run.id, RUN_CUSTOMERS.c.outcome == OutcomeKind.UNKNOWN)
            .order_by(RUN_CUSTOMERS.c.position)
        )
        with self._read() as connection:
            return [read_item(row) for row in dialect.fetch_together(connection, query)]

    def pending(self, run: Run, *, after: int, count: int) -> list[Item]:
        """The next ``count`` customers, behind the position ``after``, that were not sent yet."""
        query = (
            select(*ITEM_COLUMNS)
            .where(
                RUN_CUSTOMERS.c.run_id == run.id,
                RUN_CUSTOMERS.c.position > after,
                RUN_CUSTOMERS.c.outcome == OutcomeKind.PENDING,
            )
            .order_by(RUN_CUSTOMERS.c.position)
            .limit(count)
        )
        with self._read() as connection:
            return [read_item(row) for row in dialect.fetch_together(connection, query)]

    def mark_sending(self, run: Run, items: Sequence[Item]) -> None:
        """Announce one more request for each item, in one transaction; they may leave when this has returned.

        One that is to be created must not be there. One that is to be updated keeps the hash of the content that it
        has until another is known to be there. Raises :class:`InternalError`, and marks nothing, when one of them is
        in another state.
        """
        claims = [[run.tenant, item.reference_id, item.hash] for item in items if item.action is Action.CREATE]
        updates = [[run.tenant, item.reference_id, None] for item in items if item.action is Action.UPDATE]
        places = [[run.id, item.position, item.attempts + 1] for item in items]
        marked_now = update(CUSTOMERS).values(state=State.SENDING, run_id=run.id, updated_at=self._stamp())
        claimed = marked_now.where(
            CUSTOMERS.c.tenant == _CLAIM.c.tenant, CUSTOMERS.c.reference_id == _CLAIM.c.reference_id
        )
        customers = claimed.values(hash=_CLAIM.c.hash).where(CUSTOMERS.c.state.in_(NOT_SENT))
        there = claimed.values(hash=case((CUSTOMERS.c.state == State.EXISTS, None), else_=CUSTOMERS.c.hash)).where(
            CUSTOMERS.c.state.in_((*_SENT, State.EXISTS, State.UNKNOWN))
        )
        in_run = (
            update(RUN_CUSTOMERS)
            .values(outcome=OutcomeKind.UNKNOWN, attempts=_CLAIM_RUN.c.attempts)
            .where(RUN_CUSTOMERS.c.run_id == _CLAIM_RUN.c.run_id, RUN_CUSTOMERS.c.position == _CLAIM_RUN.c.position)
        )
        with self._write() as connection:
            marked = 0
            for statement, rows in ((customers, claims), (there, updates)):
                if rows:
                    marked += connection.execute(statement, {"claims": dialect.as_json(rows)}).rowcount
            connection.execute(in_run, {"places": dialect.as_json(places)})
            if marked != len(items):
                raise InternalError(f"{len(items) - marked} customers were to be sent that may be in the API already")

    def bases(self, run: Run, items: Sequence[Item]) -> dict[str, Base]:
        """Reference id → what an update of the customer starts from."""
        wanted = [[run.tenant, item.reference_id] for item in items]
        with self._read() as connection:
            rows = connection.execute(_BASES, {"wanted": dialect.as_json(wanted)}).all()
        return {
            name: Base(
                customer_id,
                State.EXISTS if state == State.EXISTS or known is None else State.UPDATED,
                None if body is None else body.encode(),
                updated_at,
                children,
            )
            for name, state, known, customer_id, body, updated_at, children in rows
        }

    def record(self, run: Run, steps: Sequence[Step]) -> None:
        """Enter what came of requests and lookups, in one transaction: at most one step for each customer."""
        with self._write() as connection:
            self._enter(connection, run, steps, self._stamp())

    def _enter(self, connection: Connection, run: Run, steps: Sequence[Step], at: str) -> None:
        states = [
            [run.tenant, step.reference_id, step.state, step.customer_id, step.hash, step.display_id] for step in steps
        ]
        connection.execute(_SET_STATES, {"states": dialect.as_json(states), "at": at})
        self._enter_results(connection, run, steps)
        bodies = [
            [run.tenant, step.reference_id, took.body.decode(), took.children, took.updated_at, at]
            for step in steps
            if (took := step.accepted)
        ]
        if bodies:
            connection.execute(_SET_BODIES, {"bodies": dialect.as_json(bodies)})
        attempts = [_attempt_row(run, step.reference_id, step.attempt) for step in steps if step.attempt]
        if attempts:
            connection.execute(_ADD_ATTEMPTS, {"attempts": dialect.as_json(attempts)})

    def _enter_results(self, connection: Connection, run: Run, steps: Sequence[Step]) -> None:
        results = [[run.id, step.position, *(getattr(step, name) for name in _RESULT_COLUMNS)] for step in steps]
        connection.execute(_SET_RESULTS, {"results": dialect.as_json(results)})


def read_item(row: list[Any]) -> Item:
    """A row of ``ITEM_COLUMNS``, and what may follow them, as an :class:`Item`."""
    position, reference_id, action, *rest = row
    return Item(position, reference_id, Action(action), *rest)


def _attempt_row(run: Run, reference_id: str, made: Attempt) -> list[str | int | float | None]:
    return [run.id, reference_id, made.number, stamp(made.ended_at), made.seconds, made.kind, made.status]
