"""One run at a time for each tenant: a lock that the system takes back when its holder dies."""

import fcntl
import hashlib
import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from importer.errors import LedgerError, TenantLockedError

__all__ = ["tenant_lock"]


@contextmanager
def tenant_lock(ledger: Path, tenant: str, run_id: str) -> Iterator[None]:
    """Hold the tenant for as long as the block lasts.

    The lock is ``flock`` on a file beside the ledger, so it ends with the process, however that ends; the file stays
    and names its latest holder. Raises :class:`TenantLockedError` when another run holds it.
    """
    slug = re.sub(r"[^A-Za-z0-9.-]+", "_", tenant)[:40]
    digest = hashlib.sha256(tenant.encode()).hexdigest()[:8]
    path = ledger.with_name(f"{ledger.name}.{slug}-{digest}.lock")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        hint = "Make the ledger's folder writable, or name another ledger with --ledger."
        raise LedgerError(f"the lock {path} cannot be made: {error.strerror}", hint) from None
    try:
        _take(descriptor, tenant)
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "run": run_id}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, tenant: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise TenantLockedError(
            f"another run of tenant {tenant} is under way{_holder(descriptor)}",
            "Wait until it has finished, or interrupt it; then run again.",
        ) from None
    except OSError as error:
        hint = "Keep the ledger on a local disk."
        raise LedgerError(f"the lock of tenant {tenant} cannot be taken: {error.strerror}", hint) from None


def _holder(descriptor: int) -> str:
    """Who holds the lock, as far as the file tells: its holder may be about to write it."""
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
        return f": run {holder['run']}, process {holder['pid']} on {holder['host']}"
    except (ValueError, KeyError, TypeError):
        return ""
