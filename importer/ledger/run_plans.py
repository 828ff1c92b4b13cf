"""What is known before a run, what the run sets out to do, and how it ended."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import Integer, Text, and_, bindparam, func, insert, literal_column, select, update

from importer.errors import InternalError
from importer.ledger import dialect
from importer.ledger.database import Database
from importer.ledger.ledger_schema import ACCEPTED, CUSTOMERS, NUMBER, RUN_CUSTOMERS, RUNS, State
from importer.records import Action, OutcomeKind
from importer.tables import TEXT

__all__ = ["PlanFacet"]

BLOCK = 2_000  # rows handed to one statement: SQLite goes through few of them in less time than through many
FEW = 20_000  # customers that are asked for by their keys; of more, the whole tenant is read, which takes less time

KNOWN_COLUMNS = ("reference_id", "state", "hash", "customer_id")
OUTCOME_DTYPES: dict[str, Any] = {
    "position": "int64",
    "reference_id": TEXT,
    "action": TEXT,
    "outcome": TEXT,
    "customer_id": TEXT,
    "display_id": TEXT,
    "http_status": pd.Int64Dtype(),
    "attempts": "int64",
    "error_code": TEXT,
    "error_message": TEXT,
    "refusals": TEXT,
    "seconds": pd.Float64Dtype(),
}
_IN_ARROW = {TEXT: pa.string(), pd.Int64Dtype(): pa.int64(), pd.Float64Dtype(): pa.float64()}

_ASKED = dialect.rows("asked", tenant=Text(), reference_id=Text())
_KNOWN = select(*(CUSTOMERS.c[name] for name in KNOWN_COLUMNS)).join_from(
    _ASKED,
    CUSTOMERS,
    and_(CUSTOMERS.c.tenant == _ASKED.c.tenant, CUSTOMERS.c.reference_id == _ASKED.c.reference_id),
)
_ACCEPTED = select(ACCEPTED.c.reference_id, ACCEPTED.c.body).join_from(
    _ASKED,
    ACCEPTED,
    and_(ACCEPTED.c.tenant == _ASKED.c.tenant, ACCEPTED.c.reference_id == _ASKED.c.reference_id),
)
_LOOKED = dialect.rows(
    "looked",
    tenant=Text(),
    reference_id=Text(),
    state=Text(),
    customer_id=Text(),
    display_id=Text(),
    absent_at=Text(),
    updated_at=Text(),
)
_PLAN = dialect.rows(
    "plan",
    position=Integer(),
    reference_id=Text(),
    hash=Text(),
    action=Text(),
    outcome=Text(),
    body_offset=NUMBER,
    body_length=NUMBER,
    customer_id=Text(),
)
# What is the same in each row is no part of the rows: taking a cell out of JSON is most of what a row costs.
_ENTER = insert(RUN_CUSTOMERS).from_select(
    ["run_id", "attempts", *(column.name for column in _PLAN.c)],
    select(bindparam("run_id", type_=Text()), literal_column("0"), *_PLAN.c),
)
NOT_SENT = (State.ABSENT, State.PLANNED, State.REFUSED)  # nothing of ours is in the API, and nothing can be
_IN_API = (State.CREATED, State.UPDATED, State.SENDING, State.UNKNOWN)
_REMEMBER = dialect.replacing(CUSTOMERS, _LOOKED, where=CUSTOMERS.c.state.in_([*NOT_SENT, State.EXISTS]))


class PlanFacet(Database):
    """From what the ledger knows to the plan of a run, and to its outcomes."""

    def known(self, tenant: str, reference_ids: Sequence[str] | pd.Series) -> pd.DataFrame:
        """What the ledger knows of these customers: ``reference_id, state, hash, customer_id``, all TEXT, any order.

        ``hash`` and ``customer_id`` may be null; ids that the ledger does not know are left out.
        """
        dtypes = dict.fromkeys(KNOWN_COLUMNS, TEXT)
        with self._read() as connection:
            if len(reference_ids) > FEW:
                everyone = select(*(CUSTOMERS.c[name] for name in KNOWN_COLUMNS)).where(CUSTOMERS.c.tenant == tenant)
                found = _frame(dialect.fetch_columns(connection, everyone), dtypes)
                return found[found["reference_id"].isin(reference_ids)].reset_index(drop=True)
            asked = {"asked": dialect.as_json([[tenant, reference_id] for reference_id in _listed(reference_ids)])}
            return _frame(dialect.fetch_columns(connection, _KNOWN, asked), dtypes)

    def accepted(self, tenant: str, reference_ids: Sequence[str] | pd.Series) -> dict[str, bytes]:
        """Reference id → the body that the API accepted last, for customers whose body the ledger has."""
        found: dict[str, bytes] = {}
        with self._read() as connection:
            for block in _blocks(_listed(reference_ids)):
                asked = dialect.as_json([[tenant, reference_id] for reference_id in block])
                rows = connection.execute(_ACCEPTED, {"asked": asked})
                found |= {reference_id: body.encode() for reference_id, body in rows}
        return found

    def sent_with(self, tenant: str, mapping: str) -> pd.DataFrame:
        """Every customer that runs with this mapping sent, or may have: ``reference_id`` and ``customer_id`` (TEXT).

        Only those that are still known to be there, in the order of their reference ids.
        """
        query = (
            select(CUSTOMERS.c.reference_id, CUSTOMERS.c.customer_id)
            .join(RUNS, RUNS.c.id == CUSTOMERS.c.run_id)
            .where(CUSTOMERS.c.tenant == tenant, RUNS.c.mapping == mapping, CUSTOMERS.c.state.in_(_IN_API))
            .order_by(CUSTOMERS.c.reference_id)
        )
        with self._read() as connection:
            columns = dialect.fetch_columns(connection, query)
            return _frame(columns, dict.fromkeys(("reference_id", "customer_id"), TEXT))

    def record_lookup(self, tenant: str, reference_ids: Sequence[str] | pd.Series, found: pd.DataFrame) -> None:
        """Record that the API was asked for ``reference_ids`` before anything was sent.

        ``found``: ``reference_id, customer_id``, and ``display_id`` if known (TEXT), of those that it has. They become
        ``exists``; the absence of all others is recorded with the time, so that a later match is known to be ours.
        Customers that were sent, or may have been, stay as they are.
        """
        columns = found.reindex(columns=["reference_id", "customer_id", "display_id"])
        there = {name: ids for name, *ids in zip(*(_listed(columns[name]) for name in columns), strict=True)}
        at = self._stamp()
        with self._write() as connection:
            for block in _blocks(_listed(reference_ids)):
                looked = [
                    [tenant, reference_id, State.EXISTS, *there[reference_id], None, at]
                    if reference_id in there
                    else [tenant, reference_id, State.ABSENT, None, None, at, at]
                    for reference_id in block
                ]
                connection.execute(_REMEMBER, {"looked": dialect.as_json(looked)})

    def plan_run(self, run_id: str, plan: pd.DataFrame) -> None:
        """Enter the plan of a run; ``pending`` customers that are to be created become ``planned``.

        ``plan``: ``position`` (int64, the order of sending), ``reference_id, hash, action, outcome, customer_id``
        (TEXT, as the planner gives them), ``offset, length`` (int64, of the body in the run's payloads). Raises
        :class:`InternalError` when a customer is to be created whose absence was not recorded.
        """
        columns = ("position", "reference_id", "hash", "action", "outcome", "offset", "length", "customer_id")
        lists = [_listed(plan[name]) for name in columns]
        pending = and_(
            RUN_CUSTOMERS.c.run_id == run_id,
            RUN_CUSTOMERS.c.outcome == OutcomeKind.PENDING,
            RUN_CUSTOMERS.c.action == Action.CREATE,
        )
        with self._write() as connection:
            for block in _blocks(list(zip(*lists, strict=True))):
                connection.execute(_ENTER, {"run_id": run_id, "plan": dialect.as_json(block)})
            tenant = select(RUNS.c.tenant).where(RUNS.c.id == run_id).scalar_subquery()
            planned = connection.execute(
                update(CUSTOMERS)
                .values(state=State.PLANNED, hash=RUN_CUSTOMERS.c.hash, run_id=run_id, updated_at=self._stamp())
                .where(
                    pending,
                    CUSTOMERS.c.tenant == tenant,
                    CUSTOMERS.c.reference_id == RUN_CUSTOMERS.c.reference_id,
                    CUSTOMERS.c.state.in_(NOT_SENT),
                )
            ).rowcount
            wanted = connection.execute(select(func.count()).select_from(RUN_CUSTOMERS).where(pending)).scalar_one()
            if planned != wanted:
                raise InternalError(f"{wanted - planned} customers were planned without being looked up first")

    def counts(self, run_id: str) -> dict[OutcomeKind, int]:
        """How many customers of the run have each outcome (only those that occur)."""
        query = (
            select(RUN_CUSTOMERS.c.outcome, func.count())
            .where(RUN_CUSTOMERS.c.run_id == run_id)
            .group_by(RUN_CUSTOMERS.c.outcome)
        )
        with self._read() as connection:
            return {OutcomeKind(outcome): count for outcome, count in connection.execute(query)}

    def outcomes(self, run_id: str) -> pd.DataFrame:
        """Every customer of the run, ordered by position.

        ``position`` (int64), ``reference_id, action, outcome, customer_id, display_id`` (TEXT), ``http_status``
        (Int64), ``attempts`` (int64), ``error_code, error_message`` (TEXT), ``refusals`` (TEXT, a JSON array of
        ``{"field", "reason"}``, or null), ``seconds`` (Float64, from the first request to the last answer).
        """
        same = and_(
            CUSTOMERS.c.tenant == RUNS.c.tenant,
            CUSTOMERS.c.reference_id == RUN_CUSTOMERS.c.reference_id,
            CUSTOMERS.c.customer_id == RUN_CUSTOMERS.c.customer_id,
        )
        tables = {"display_id": CUSTOMERS}
        query = (
            select(*(tables.get(name, RUN_CUSTOMERS).c[name] for name in OUTCOME_DTYPES))
            .select_from(RUN_CUSTOMERS.join(RUNS).outerjoin(CUSTOMERS, same))
            .where(RUN_CUSTOMERS.c.run_id == run_id)
            .order_by(RUN_CUSTOMERS.c.position)
        )
        with self._read() as connection:
            return _frame(dialect.fetch_columns(connection, query), OUTCOME_DTYPES)


def _blocks(items: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(items), BLOCK):
        yield items[start : start + BLOCK]


def _frame(columns: Sequence[Sequence[Any]], dtypes: Mapping[str, Any]) -> pd.DataFrame:
    index = pd.RangeIndex(len(columns[0]))
    return pd.DataFrame(
        {
            name: pd.Series(_values(column, dtype), index=index, dtype=dtype)
            for (name, dtype), column in zip(dtypes.items(), columns, strict=True)
        },
        index=index,
    )


def _values(column: Sequence[Any], dtype: Any) -> Any:
    if dtype == "int64":
        return np.array(column, dtype=np.int64)
    return dtype.__from_arrow__(pa.array(column, _IN_ARROW[dtype]))


def _listed(values: Sequence[Any] | pd.Series) -> list[Any]:
    """Plain values, None where there is none: pandas takes many times as long over Arrow columns as Arrow does."""
    return pa.array(values).to_pylist() if isinstance(values, pd.Series) else list(values)
