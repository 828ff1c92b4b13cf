"""Looking after a ledger: ``importer ledger …``."""

from collections.abc import Sequence
from pathlib import Path

from importer.errors import UsageError
from importer.ledger import Ledger, open_ledger
from importer.settings import Options

__all__ = ["backup_ledger", "forget", "ledger_faults", "one_tenant", "vacuum_ledger"]


def ledger_faults(options: Options) -> list[str]:
    """What is wrong with the ledger, each in a sentence; empty when it is whole."""
    with open_ledger(options.ledger) as ledger:
        return ledger.faults()


def backup_ledger(options: Options, target: Path) -> int:
    """Write a copy of the ledger to a new file; its size in bytes. Raises :class:`UsageError`, `LedgerError`."""
    with open_ledger(options.ledger) as ledger:
        ledger.backup(target)
    return target.stat().st_size


def vacuum_ledger(options: Options) -> tuple[int, int]:
    """Give unused room back; the size in bytes before and after."""
    with open_ledger(options.ledger) as ledger:
        return ledger.vacuum()


def forget(options: Options, reference_ids: Sequence[str]) -> tuple[int, tuple[Path, ...]]:
    """Erase the personal data of customers of one tenant, which must be named where there are several.

    Returns how many of them the ledger had, and the folders and files that may still have their data.
    Raises :class:`UsageError`, and :class:`LedgerError` when whether one of them arrived is not known yet.
    """
    with open_ledger(options.ledger) as ledger:
        tenant = one_tenant(ledger, options.tenant)
        with ledger.lock(tenant, "forget"):
            return ledger.forget(tenant, reference_ids)


def one_tenant(ledger: Ledger, named: str | None) -> str:
    """The tenant that is ``named``, or the only one. Raises :class:`UsageError` that lists those there are."""
    known = ledger.tenants()
    if named in known or (named is None and len(known) == 1):
        return named or known[0]
    listed = ", ".join(known) or "none"
    wrong = f"knows no tenant {named}" if named else f"has {len(known)} tenants"
    raise UsageError(f"the ledger {ledger.place} {wrong}; there are: {listed}", "Name one of them with --tenant.")
