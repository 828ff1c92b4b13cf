"""Looking after a ledger: ``importer ledger …``."""

from collections.abc import Sequence
from pathlib import Path

from importer.errors import UsageError
from importer.ledger import Forgotten, open_ledger
from importer.settings import Options

__all__ = ["backup_ledger", "forget", "ledger_faults", "vacuum_ledger"]


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


def forget(options: Options, reference_ids: Sequence[str]) -> Forgotten:
    """Erase the personal data of customers of one tenant, which must be named where there are several.

    Raises :class:`UsageError`, and :class:`LedgerError` when whether one of them arrived is not known yet.
    """
    with open_ledger(options.ledger) as ledger:
        tenant = options.tenant or _only(ledger.tenants(), ledger.place)
        with ledger.lock(tenant, "forget"):
            return ledger.forget(tenant, reference_ids)


def _only(tenants: Sequence[str], place: str) -> str:
    if len(tenants) == 1:
        return tenants[0]
    listed = ", ".join(tenants) or "none"
    raise UsageError(f"the ledger {place} holds {len(tenants)} tenants: {listed}", "Name one with --tenant.")
