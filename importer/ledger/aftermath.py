"""What may be done about a run that has ended: trying again what failed."""

from sqlalchemy import and_, case, func, or_, update

from importer.ledger.database import Database
from importer.ledger.plans import NOT_SENT
from importer.ledger.runs import Run
from importer.ledger.schema import CUSTOMERS, RUN_CUSTOMERS, State
from importer.records import OutcomeKind

__all__ = ["AfterFacet"]

PASSING = (408, 425, 429)  # the 4xx that say nothing about the customer
DUPLICATE = "duplicate_in_api"
_MAYBE_THERE = (State.SENDING, State.UNKNOWN)


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
            CUSTOMERS.c.tenant == run.tenant,
            CUSTOMERS.c.reference_id == RUN_CUSTOMERS.c.reference_id,
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
                outcome=case((CUSTOMERS.c.state.in_(_MAYBE_THERE), OutcomeKind.UNKNOWN), else_=OutcomeKind.PENDING),
                attempts=0,
                **cleared,
            )
            .where(chosen)
        )
        with self._write() as connection:
            connection.execute(planned)
            return connection.execute(opened).rowcount
