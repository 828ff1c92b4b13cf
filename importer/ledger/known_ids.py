"""The ids that WizCommerce gave to customers, addresses and contacts, as far as the ledger knows them."""

from collections.abc import Iterable, Sequence

import orjson
import pandas as pd
import pyarrow as pa
from sqlalchemy import Text, and_, delete, select, tuple_, update

from importer.ledger import dialect
from importer.ledger.database import Database
from importer.ledger.ledger_schema import ACCEPTED, CUSTOMERS, RUN_CUSTOMERS, RUNS, State
from importer.ledger.runs import Run
from importer.ledger.send_states import SendFacet, Step

__all__ = ["AdoptFacet", "IdFacet"]

_NAMED = dialect.rows("named", tenant=Text(), reference_id=Text())
_OURS = update(CUSTOMERS).where(
    CUSTOMERS.c.tenant == _NAMED.c.tenant, CUSTOMERS.c.reference_id == _NAMED.c.reference_id
)
_DROP_BODIES = delete(ACCEPTED).where(
    tuple_(ACCEPTED.c.tenant, ACCEPTED.c.reference_id).in_(select(_NAMED.c.tenant, _NAMED.c.reference_id))
)


class AdoptFacet(SendFacet):
    """What adopting records. The tenant's lock must be held, and no outcome of the customers may be unknown."""

    def take_over(self, run: Run, steps: Sequence[Step]) -> None:
        """Record what the API has of customers, in one transaction: from now on they count as sent by ``run``.

        Each step has an ``accepted`` body and its ``hash``; the customers are known to the ledger.
        """
        named = dialect.as_json([[run.tenant, step.reference_id] for step in steps])
        with self._write() as connection:
            connection.execute(_OURS.values(run_id=run.id), {"named": named})
            self._enter(connection, run, steps, self._stamp())

    def record_outcomes(self, run: Run, steps: Sequence[Step]) -> None:
        """Record outcomes in the run alone: what the tenant knows of the customers stays as it is."""
        with self._write() as connection:
            self._enter_results(connection, run, steps)

    def record_gone(self, tenant: str, reference_ids: Sequence[str]) -> None:
        """Customers that were sent are not in the API any more: absent from now on, and created by the next run."""
        at = self._stamp()
        cleared = dict.fromkeys(("customer_id", "display_id", "hash"))
        gone = _OURS.values(state=State.ABSENT, absent_at=at, updated_at=at, **cleared)
        named = {"named": dialect.as_json([[tenant, name] for name in reference_ids])}
        with self._write() as connection:
            connection.execute(gone, named)
            connection.execute(_DROP_BODIES, named)


CHILD_COLUMNS = ("reference_id", "kind", "child_reference_id", "id")
ID_COLUMNS = (*CHILD_COLUMNS, "display_id")
_SAME_CUSTOMER = and_(ACCEPTED.c.tenant == CUSTOMERS.c.tenant, ACCEPTED.c.reference_id == CUSTOMERS.c.reference_id)
_OWNED = dialect.rows("owned", tenant=Text(), customer_id=Text())
_OWNERS = select(CUSTOMERS.c.customer_id, CUSTOMERS.c.reference_id).join_from(
    _OWNED,
    CUSTOMERS,
    and_(CUSTOMERS.c.tenant == _OWNED.c.tenant, CUSTOMERS.c.customer_id == _OWNED.c.customer_id),
)


class IdFacet(Database):
    """From reference ids to the ids of WizCommerce, and back."""

    def owners(self, tenant: str, customer_ids: Sequence[str]) -> dict[str, str]:
        """WizCommerce id → reference id, for customers that the ledger knows under that id."""
        owned = dialect.as_json([[tenant, customer_id] for customer_id in customer_ids])
        with self._read() as connection:
            return dict(zip(*dialect.fetch_columns(connection, _OWNERS, {"owned": owned}), strict=True))

    def ids(self, tenant: str) -> pd.DataFrame:
        """The ids of every customer of the tenant and of its addresses and contacts, ordered by reference id.

        ``reference_id`` (of the customer), ``kind`` (customer, address or contact), ``child_reference_id`` (null for
        customers), ``id``, ``display_id`` (null for addresses and contacts, and where it is not known); all TEXT.
        """
        query = (
            select(CUSTOMERS.c.reference_id, CUSTOMERS.c.customer_id, CUSTOMERS.c.display_id, ACCEPTED.c.children)
            .outerjoin_from(CUSTOMERS, ACCEPTED, _SAME_CUSTOMER)
            .where(CUSTOMERS.c.tenant == tenant, CUSTOMERS.c.customer_id.is_not(None))
            .order_by(CUSTOMERS.c.reference_id)
        )
        rows: list[tuple[str | None, ...]] = []
        with self._read() as connection:
            for name, customer_id, display_id, children in zip(*dialect.fetch_columns(connection, query), strict=True):
                rows.append((name, "customer", None, customer_id, display_id))
                rows.extend((*child, None) for child in _children(name, children))
        return _frame(rows, ID_COLUMNS)

    def children_of(self, run_id: str) -> pd.DataFrame:
        """The ids of the addresses and contacts of a run's customers, where they are known, by position.

        ``reference_id`` (of the customer), ``kind`` (address or contact), ``child_reference_id``, ``id``; all TEXT.
        """
        accepted = and_(ACCEPTED.c.tenant == RUNS.c.tenant, ACCEPTED.c.reference_id == RUN_CUSTOMERS.c.reference_id)
        query = (
            select(ACCEPTED.c.reference_id, ACCEPTED.c.children)
            .select_from(RUN_CUSTOMERS.join(RUNS).join(ACCEPTED, accepted))
            .where(RUN_CUSTOMERS.c.run_id == run_id, ACCEPTED.c.children.is_not(None))
            .order_by(RUN_CUSTOMERS.c.position)
        )
        with self._read() as connection:
            columns = dialect.fetch_columns(connection, query)
        rows = [child for name, children in zip(*columns, strict=True) for child in _children(name, children)]
        return _frame(rows, CHILD_COLUMNS)


def _children(reference_id: str, children: str | None) -> Iterable[tuple[str | None, ...]]:
    """Lines of ``CHILD_COLUMNS`` from a customer's children as :class:`importer.ledger.Accepted` has them."""
    return (
        (reference_id, child["entity"], child["reference_id"], child["id"])
        for child in orjson.loads(children or "[]")
        if child["id"]
    )


def _frame(rows: Sequence[tuple[str | None, ...]], names: Sequence[str]) -> pd.DataFrame:
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    arrays = (pd.arrays.ArrowExtensionArray(pa.array(column, pa.string())) for column in columns)
    return pd.DataFrame(dict(zip(names, arrays, strict=True)))
