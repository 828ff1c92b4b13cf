"""Customers that a run found in the API and did not send: a lost ledger is rebuilt from them."""

from collections.abc import Sequence

from sqlalchemy import Text, delete, select, tuple_, update

from importer.ledger import dialect
from importer.ledger.runs import Run
from importer.ledger.schema import ACCEPTED, CUSTOMERS, State
from importer.ledger.sending import SendFacet, Step

__all__ = ["AdoptFacet"]

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
