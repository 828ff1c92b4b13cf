"""A ledger in PostgreSQL: for containers without a disk, and for several machines with one history.

Rows of many tenants may be written at once from anywhere; one tenant is held by an advisory lock, which belongs to a
connection of its own and ends with it, however that ends (PostgreSQL documentation, 13.3.5).
"""

import hashlib
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, func, literal_column, select, text
from sqlalchemy.exc import DBAPIError

from importer.errors import LedgerError, TenantLockedError, UsageError
from importer.ledger.ledger_schema import METADATA

__all__ = ["PostgresStore"]

_LAYOUT = 0x1D9E_72ED_6E57  # the advisory lock of whoever changes the layout; any number that is always the same
_RESUME = "then resume the run: what was recorded is safe."
# By the beginning of the SQLSTATE (PostgreSQL documentation, appendix A).
_ADVICE: Mapping[str, tuple[str, str]] = {
    "42501": ("the user may not do this", "Let the user own the database or its schema."),
    "53100": ("the server's disk is full", f"Free some space, {_RESUME}"),
    "53": ("the server has too little left", f"Look at its connections and memory, {_RESUME}"),
    "55P03": ("another program has a lock", f"Find out which, {_RESUME}"),
    "57P": ("the server was shut down", f"Start it, {_RESUME}"),
    "25006": ("it is read-only", "Name the primary server, not a copy."),
    "08": ("the connection was lost", f"Look after the server and the network, {_RESUME}"),
}
_UNREACHED = "Check the URL, the server and the network; a password can be kept in ~/.pgpass."


class PostgresStore:
    """A :class:`Store` in a PostgreSQL database, or in one schema of it (``?options=-csearch_path=name``)."""

    path: Path | None = None

    def __init__(self, url: URL, busy_seconds: float) -> None:
        """Prepare to connect. Raises :class:`UsageError` when the driver is not installed."""
        self.place = url.set(query={}).render_as_string(hide_password=True)
        try:
            self.engine = create_engine(
                url.set(drivername="postgresql+psycopg"),
                connect_args=_arguments(url, busy_seconds),
                pool_pre_ping=True,
                hide_parameters=True,  # customer data has no place in messages
            )
        except ModuleNotFoundError:
            raise UsageError(
                "a ledger in PostgreSQL needs the driver psycopg",
                "Install it: pip install 'wizcommerce-importer[postgres]'.",
            ) from None
        self.reader: Engine = self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._held: dict[int, int] = {}  # lock → the server's process that holds it for us

    @contextmanager
    def translated(self) -> Iterator[None]:
        """See :class:`Store`."""
        try:
            yield
        except DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None) or ("08" if error.connection_invalidated else "")
            if not state:  # the driver knows no code of a connection that was never made
                raise LedgerError(f"the ledger {self.place} cannot be opened: {_reason(error)}", _UNREACHED) from error
            for code, (reason, hint) in _ADVICE.items():
                if state.startswith(code):
                    raise LedgerError(f"the ledger {self.place}: {reason}", hint) from error
            raise LedgerError(f"the ledger {self.place} gave an error ({state}): {_reason(error)}") from error

    def alone(self, connection: Connection) -> None:
        """See :class:`Store`."""
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LAYOUT})

    def still_held(self, connection: Connection) -> None:
        """See :class:`Store`: without the lock's connection another machine may have begun to send."""
        if not self._held:
            return
        found = connection.execute(
            text("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND pid = ANY(:pids)"),
            {"pids": list(self._held.values())},
        )
        if set(self._held.values()) - set(found.scalars()):
            raise LedgerError(
                f"the ledger {self.place}: the connection that holds the tenant was lost",
                "Nothing more is sent, because another run may have begun. Resume the run when the network is back.",
            )

    def faults(self) -> list[str]:
        """See :class:`Store`: the server looks after its own files."""
        return []

    def backup(self, target: Path) -> None:
        """See :class:`Store`: a server has its own backups."""
        raise UsageError(
            f"the ledger {self.place} is not a file, so there is no copy to write to {target}",
            "Back the database up with pg_dump, or the way your server's databases are backed up.",
        )

    def size(self) -> int:
        """See :class:`Store`."""
        with self.translated(), self.reader.connect() as connection:
            query = select(func.sum(func.pg_total_relation_size(literal_column("oid")))).select_from(text("pg_class"))
            ours = text("oid = ANY(CAST(:names AS regclass[]))").bindparams(names=list(METADATA.tables))
            return int(connection.execute(query.where(ours)).scalar_one())

    def vacuum(self) -> None:
        """See :class:`Store`."""
        alone = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        with self.translated(), alone.connect() as connection:
            connection.execute(text(f"VACUUM (FULL, ANALYZE) {', '.join(METADATA.tables)}"))

    @contextmanager
    def lock(self, tenant: str, run_id: str) -> Iterator[None]:
        """See :class:`Store`."""
        number = int.from_bytes(hashlib.blake2b(tenant.encode(), digest_size=8).digest(), signed=True)
        holder = f"importer {run_id}, process {os.getpid()} on {socket.gethostname()}"
        alone = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        with self.translated():
            connection = alone.connect()
            connection.detach()  # not the pool's any more: closing it gives the lock back
        try:
            with self.translated():
                _take(connection, number, tenant, holder)
                self._held[number] = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            yield
        finally:
            self._held.pop(number, None)
            connection.close()


def _arguments(url: URL, busy_seconds: float) -> dict[str, Any]:
    """Settings of every connection.

    ``synchronous_commit``: a commit returns when it is on the server's disk, whatever the server's own default is.
    Keep-alives notice within a minute that a machine is gone, so that its locks end.
    """
    given = str(url.query.get("options", ""))
    own = f"-csynchronous_commit=on -clock_timeout={int(busy_seconds * 1000)} -ctcp_keepalives_idle=30"
    return {
        "options": f"{own} -ctcp_keepalives_interval=10 -ctcp_keepalives_count=3 {given}".strip(),
        "application_name": "importer",
        "connect_timeout": 10,
    }


def _reason(error: DBAPIError) -> str:
    """What the server says, else the first line of what the driver says: neither holds a password."""
    said = str(error.orig)
    return (said.rpartition("FATAL:")[2] if "FATAL:" in said else said).strip().partition("\n")[0].strip()


def _take(connection: Connection, number: int, tenant: str, holder: str) -> None:
    connection.execute(text("SELECT set_config('application_name', :name, false)"), {"name": holder[:63]})
    if connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": number}).scalar_one():
        return
    query = text(
        "SELECT application_name FROM pg_stat_activity JOIN pg_locks USING (pid) "
        "WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
        "AND (classid::bigint << 32 | objid::bigint) = :lock"
    )
    other = connection.execute(query, {"lock": number}).scalars().first()
    raise TenantLockedError(
        f"another run of tenant {tenant} is under way{f': {other}' if other else ''}",
        "Wait until it has finished, or interrupt it; then run again.",
    )
