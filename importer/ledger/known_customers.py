"""What the ledger knows about a tenant's customers across all runs: states, bodies, and IDs."""

from collections.abc import Iterable, Sequence

import orjson
import pandas as pd
import sqlalchemy as sa

from importer.ledger.database import (
    DROP_BODIES,
    NAMED,
    Database,
    as_json,
    blocks,
    fetch_columns,
    fetch_frame,
    named,
    plain,
    rows,
    same,
    upsert,
)
from importer.ledger.ledger_schema import (
    ACCEPTED,
    CUSTOMERS,
    NOT_SENT,
    OUTCOME_UNKNOWN,
    RUN_CUSTOMERS,
    RUNS,
    SENT,
    State,
)
from importer.tables import TEXT

FEW = 20_000  # customers that are looked up by their keys; for more, reading the whole tenant is faster
KNOWN_COLUMNS = ("reference_id", "state", "hash", "customer_id")
CHILD_COLUMNS = ("reference_id", "kind", "child_reference_id", "id")
ID_COLUMNS = (*CHILD_COLUMNS, "display_id")

_KNOWN = sa.select(*CUSTOMERS.c[KNOWN_COLUMNS])
_LOOKED_UP = rows(
    "looked_up",
    *CUSTOMERS.c["tenant", "reference_id", "state", "customer_id", "display_id", "absent_at", "updated_at"],
)
_RECORD_LOOKUP = upsert(CUSTOMERS, _LOOKED_UP, where=CUSTOMERS.c.state.in_([*NOT_SENT, State.EXISTS]))
_OWNED = rows("owned", *CUSTOMERS.c["tenant", "customer_id"])


class KnownCustomers(Database):
    def known(self, tenant: str, reference_ids: Sequence[str] | pd.Series) -> pd.DataFrame:
        """What the ledger knows about these customers: ``reference_id, state, hash, customer_id``, all TEXT, any order.

        ``hash`` and ``customer_id`` may be null; ids that the ledger does not have are left out.
        """
        dtypes = dict.fromkeys(KNOWN_COLUMNS, TEXT)
        with self._read() as connection:
            if len(reference_ids) > FEW:
                found = fetch_frame(connection, _KNOWN.where(CUSTOMERS.c.tenant == tenant), dtypes)
                return found[found["reference_id"].isin(reference_ids)].reset_index(drop=True)
            query = _KNOWN.join_from(NAMED, CUSTOMERS, same(CUSTOMERS, NAMED))
            return fetch_frame(connection, query, dtypes, named(tenant, plain(reference_ids)))

    def accepted(self, tenant: str, reference_ids: Sequence[str] | pd.Series) -> dict[str, bytes]:
        """Reference id → the body that the API accepted last, for customers whose body the ledger has."""
        query = sa.select(*ACCEPTED.c["reference_id", "body"]).join_from(NAMED, ACCEPTED, same(ACCEPTED, NAMED))
        with self._read() as connection:
            names, bodies = fetch_columns(connection, query, named(tenant, plain(reference_ids)))
        return {name: body.encode() for name, body in zip(names, bodies, strict=True)}

    def imported_at(self, tenant: str, reference_ids: Sequence[str]) -> list[str]:
        """When each of these customers was last sent, if a run put it into WizCommerce, as the ledger writes times."""
        moment = sa.func.coalesce(ACCEPTED.c.accepted_at, CUSTOMERS.c.updated_at)
        joined = sa.join(NAMED, CUSTOMERS, same(CUSTOMERS, NAMED)).outerjoin(ACCEPTED, same(CUSTOMERS, ACCEPTED))
        query = sa.select(moment).select_from(joined).where(CUSTOMERS.c.state.in_(SENT))
        with self._read() as connection:
            return list(connection.execute(query, named(tenant, reference_ids)).scalars())

    def sent_with(self, tenant: str, mapping: str) -> pd.DataFrame:
        """Every customer that runs with this mapping sent, or may have: ``reference_id`` and ``customer_id`` (TEXT).

        Only those that should still be in the API, ordered by reference id.
        """
        may_exist = CUSTOMERS.c.state.in_((*SENT, *OUTCOME_UNKNOWN))
        query = (
            sa.select(CUSTOMERS.c.reference_id, CUSTOMERS.c.customer_id)
            .join(RUNS, RUNS.c.id == CUSTOMERS.c.run_id)
            .where(CUSTOMERS.c.tenant == tenant, RUNS.c.mapping == mapping, may_exist)
            .order_by(CUSTOMERS.c.reference_id)
        )
        with self._read() as connection:
            return fetch_frame(connection, query, dict.fromkeys(("reference_id", "customer_id"), TEXT))

    def record_lookup(self, tenant: str, reference_ids: Sequence[str] | pd.Series, found: pd.DataFrame) -> None:
        """Record that ``reference_ids`` were looked up in the API before anything was sent.

        ``found``: ``reference_id, customer_id``, and ``display_id`` if known (TEXT), of those in the API. They become
        ``exists``; the absence of all others is recorded with the time, so that a later match is known to be ours.
        Customers that were sent, or may have been, stay as they are.
        """
        columns = found.reindex(columns=["reference_id", "customer_id", "display_id"])
        there = {name: ids for name, *ids in zip(*(plain(columns[name]) for name in columns), strict=True)}
        at = self._stamp()
        with self._write() as connection:
            for block in blocks(plain(reference_ids)):
                looked_up = [
                    [tenant, reference_id, State.EXISTS, *there[reference_id], None, at]
                    if reference_id in there
                    else [tenant, reference_id, State.ABSENT, None, None, at, at]
                    for reference_id in block
                ]
                connection.execute(_RECORD_LOOKUP, {"looked_up": as_json(looked_up)})

    def record_gone(self, tenant: str, reference_ids: Sequence[str]) -> None:
        """Record customers that were sent and are no longer in the API as absent, so that the next run creates them.

        The tenant's lock must be held, and no outcome of the customers may be unknown.
        """
        at = self._stamp()
        cleared = dict.fromkeys(("customer_id", "display_id", "hash"))
        gone = sa.update(CUSTOMERS).values(state=State.ABSENT, absent_at=at, updated_at=at, **cleared)
        with self._write() as connection:
            for statement in (gone.where(same(CUSTOMERS, NAMED)), DROP_BODIES):
                connection.execute(statement, named(tenant, reference_ids))

    def reference_ids_of(self, tenant: str, customer_ids: Sequence[str]) -> dict[str, str]:
        """WizCommerce ID → reference ID, for customers that the ledger has with that ID."""
        same_id = same(CUSTOMERS, _OWNED, "tenant", "customer_id")
        query = sa.select(*CUSTOMERS.c["customer_id", "reference_id"]).join_from(_OWNED, CUSTOMERS, same_id)
        owned = as_json([[tenant, customer_id] for customer_id in customer_ids])
        with self._read() as connection:
            return dict(zip(*fetch_columns(connection, query, {"owned": owned}), strict=True))

    def ids(self, tenant: str) -> pd.DataFrame:
        """The ids of every customer of the tenant and of its addresses and contacts, ordered by reference id.

        ``reference_id`` (of the customer), ``kind`` (customer, address or contact), ``child_reference_id`` (null for
        customers), ``id``, ``display_id`` (null for addresses and contacts, and if it is not known); all TEXT.
        """
        query = (
            sa.select(*CUSTOMERS.c["reference_id", "customer_id", "display_id"], ACCEPTED.c.children)
            .outerjoin_from(CUSTOMERS, ACCEPTED, same(CUSTOMERS, ACCEPTED))
            .where(CUSTOMERS.c.tenant == tenant, CUSTOMERS.c.customer_id.is_not(None))
            .order_by(CUSTOMERS.c.reference_id)
        )
        with self._read() as connection:
            columns = fetch_columns(connection, query)
        lines: list[tuple[str | None, ...]] = []
        for name, customer_id, display_id, children in zip(*columns, strict=True):
            lines.append((name, "customer", None, customer_id, display_id))
            lines.extend((*child, None) for child in _children(name, children))
        return pd.DataFrame(lines, columns=ID_COLUMNS, dtype=TEXT)

    def children_of(self, run_id: str) -> pd.DataFrame:
        """The known IDs of the addresses and contacts of a run's customers, by position.

        ``reference_id`` (of the customer), ``kind`` (address or contact), ``child_reference_id``, ``id``; all TEXT.
        """
        accepted = sa.and_(ACCEPTED.c.tenant == RUNS.c.tenant, ACCEPTED.c.reference_id == RUN_CUSTOMERS.c.reference_id)
        query = (
            sa.select(ACCEPTED.c.reference_id, ACCEPTED.c.children)
            .select_from(RUN_CUSTOMERS.join(RUNS).join(ACCEPTED, accepted))
            .where(RUN_CUSTOMERS.c.run_id == run_id, ACCEPTED.c.children.is_not(None))
            .order_by(RUN_CUSTOMERS.c.position)
        )
        with self._read() as connection:
            columns = fetch_columns(connection, query)
        lines = [child for name, children in zip(*columns, strict=True) for child in _children(name, children)]
        return pd.DataFrame(lines, columns=CHILD_COLUMNS, dtype=TEXT)


def _children(reference_id: str, children: str | None) -> Iterable[tuple[str | None, ...]]:
    """Lines of ``CHILD_COLUMNS`` from a customer's children, which are as in :class:`importer.ledger.Accepted`."""
    return (
        (reference_id, child["entity"], child["reference_id"], child["id"])
        for child in orjson.loads(children or "[]")
        if child["id"]
    )
