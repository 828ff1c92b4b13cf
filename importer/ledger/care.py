"""Looking after a ledger: is it whole, a copy of it, its size, and what it must forget."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Text, and_, delete, exists, func, not_, or_, select, tuple_, update

from importer.errors import LedgerError, UsageError
from importer.ledger import dialect
from importer.ledger.database import Database
from importer.ledger.schema import ACCEPTED, CUSTOMERS, RUN_CUSTOMERS, RUNS, State
from importer.records import OutcomeKind

__all__ = ["CareFacet", "Forgotten"]

_NAMED = dialect.rows("named", tenant=Text(), reference_id=Text())
_SAME = and_(CUSTOMERS.c.tenant == RUNS.c.tenant, CUSTOMERS.c.reference_id == RUN_CUSTOMERS.c.reference_id)
# What must hold in every ledger: (what it means when a row breaks it, the rows that do).
_RULES = (
    (
        "customers are accepted without an id of the API",
        select(func.count())
        .select_from(CUSTOMERS)
        .where(CUSTOMERS.c.state.in_((State.CREATED, State.UPDATED)), CUSTOMERS.c.customer_id.is_(None)),
    ),
    (
        "customers of runs are unknown to their tenant",
        select(func.count())
        .select_from(RUN_CUSTOMERS.join(RUNS))
        .where(
            RUN_CUSTOMERS.c.outcome.in_((OutcomeKind.CREATED, OutcomeKind.UPDATED, OutcomeKind.UNKNOWN)),
            not_(exists().where(_SAME)),
        ),
    ),
    (
        "accepted bodies belong to no customer",
        select(func.count())
        .select_from(ACCEPTED)
        .where(
            not_(
                exists().where(
                    CUSTOMERS.c.tenant == ACCEPTED.c.tenant, CUSTOMERS.c.reference_id == ACCEPTED.c.reference_id
                )
            )
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """``known``: how many of the customers the ledger held. ``folders``: run folders that may still hold their data."""

    known: int
    folders: tuple[Path, ...]


class CareFacet(Database):
    """What is done to a ledger as a whole, while no run is under way."""

    def faults(self) -> list[str]:
        """What is wrong with the ledger, each in a sentence; empty when it is whole."""
        found = self._store.faults()
        if found:  # a damaged file cannot be trusted to answer the rest
            return found
        with self._read() as connection:
            counts = [(meaning, connection.execute(query).scalar_one()) for meaning, query in _RULES]
        return [f"{count:,} {meaning}" for meaning, count in counts if count]

    def backup(self, target: Path) -> None:
        """Write a whole copy to ``target``, its owner's alone, while runs may go on.

        Raises :class:`UsageError` when something is there already or the ledger is no file.
        """
        if target.exists():
            raise UsageError(f"{target} exists already", "Name a new file: a backup is never written over another.")
        self._store.backup(target)

    def vacuum(self) -> tuple[int, int]:
        """Give unused room back. Comes back: the size in bytes before and after."""
        before = self._store.size()
        self._store.vacuum()
        return before, self._store.size()

    def forget(self, tenant: str, reference_ids: Sequence[str]) -> Forgotten:
        """Erase all personal data of these customers, whatever run they were in.

        What stays is that they were sent (reference id, state, digest, the API's id), so that they are not sent
        again. Raises :class:`LedgerError` when a request of one of them is in doubt: its body is needed to settle it.
        """
        named = {"named": dialect.as_json([[tenant, name] for name in reference_ids])}
        keys = select(_NAMED.c.tenant, _NAMED.c.reference_id)
        ours = tuple_(CUSTOMERS.c.tenant, CUSTOMERS.c.reference_id).in_(keys)
        with self._write() as connection:
            states = connection.execute(select(CUSTOMERS.c.reference_id, CUSTOMERS.c.state).where(ours), named).all()
            doubtful = [name for name, state in states if state in (State.SENDING, State.UNKNOWN)]
            if doubtful:
                raise LedgerError(
                    f"whether {', '.join(doubtful[:3])} arrived is not known yet", "`importer resume` settles it first."
                )
            connection.execute(
                delete(ACCEPTED).where(tuple_(ACCEPTED.c.tenant, ACCEPTED.c.reference_id).in_(keys)), named
            )
            runs = select(RUNS.c.id).where(RUNS.c.tenant == tenant)
            theirs = and_(
                RUN_CUSTOMERS.c.run_id.in_(runs), RUN_CUSTOMERS.c.reference_id.in_(select(_NAMED.c.reference_id))
            )
            folders = connection.execute(
                select(RUNS.c.out).where(RUNS.c.id.in_(select(RUN_CUSTOMERS.c.run_id).where(theirs))), named
            ).scalars()
            kept = tuple(path for path in map(Path, folders) if path.exists())
            told = or_(RUN_CUSTOMERS.c.error_message.is_not(None), RUN_CUSTOMERS.c.refusals.is_not(None))
            connection.execute(
                update(RUN_CUSTOMERS).values(error_message=None, refusals=None).where(theirs, told), named
            )
        self._store.vacuum()
        return Forgotten(len(states), kept)
