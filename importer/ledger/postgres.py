"""A ledger in PostgreSQL: for containers without persistent storage, and for several machines with one history.

Rows of many tenants may be written at once from anywhere. A tenant is locked by an advisory lock, which belongs to a
connection of its own and is released with it, however that ends (PostgreSQL documentation, 13.3.5).
"""

import hashlib
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, func, literal_column, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from importer.errors import LedgerError, UsageError
from importer.ledger.database import LedgerStore, tenant_locked
from importer.ledger.ledger_schema import METADATA

_LAYOUT = 0x1D9E_72ED_6E57  # the advisory lock for changes of the layout; any number that is always the same
_RESUME = "then resume the run: what was recorded is safe."
# By the start of the SQLSTATE (PostgreSQL documentation, appendix A).
_ADVICE: Mapping[str, tuple[str, str]] = {
    "42501": ("the user does not have permission", "Make the user the owner of the database or its schema."),
    "53100": ("the server's disk is full", f"Free some space, {_RESUME}"),
    "53": ("the server is short of resources", f"Check its connections and memory, {_RESUME}"),
    "55P03": ("another program has a lock", f"Find out which, {_RESUME}"),
    "57P": ("the server was shut down", f"Start it, {_RESUME}"),
    "25006": ("it is read-only", "Use the URL of the primary server, not of a replica."),
    "08": ("the connection was lost", f"Check the server and the network, {_RESUME}"),
}
_UNREACHED = "Check the URL, the server, and the network. A password can be kept in ~/.pgpass."
_HOLDER = text(
    "SELECT application_name FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE locktype = 'advisory' AND granted "
    "AND objsubid = 1 AND (classid::bigint << 32 | objid::bigint) = :lock"
)


class PostgresStore(LedgerStore):
    """A :class:`LedgerStore` in a PostgreSQL database, or in one schema of it (``?options=-csearch_path=name``)."""

    def __init__(self, url: URL, busy_seconds: float) -> None:
        """Prepare to connect. Raises :class:`UsageError` when the driver is not installed."""
        # A commit returns when it is on the server's disk, whatever the server's own default is. Keep-alives notice
        # within a minute that a machine is gone, so that its locks are released.
        settings = f"-csynchronous_commit=on -clock_timeout={int(busy_seconds * 1000)} -ctcp_keepalives_idle=30"
        settings += " -ctcp_keepalives_interval=10 -ctcp_keepalives_count=3"
        try:
            engine = create_engine(
                url.set(drivername="postgresql+psycopg"),
                connect_args={
                    "options": f"{settings} {url.query.get('options', '')}".strip(),
                    "application_name": "importer",
                    "connect_timeout": 10,
                },
                pool_pre_ping=True,
                hide_parameters=True,  # messages must not contain customer data
            )
        except ModuleNotFoundError:
            hint = "Install it with: pip install 'wizcommerce-importer[postgres]'."
            raise UsageError("a ledger in PostgreSQL needs the driver psycopg", hint) from None
        place = url.set(query={}).render_as_string(hide_password=True)
        super().__init__(place, engine, isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._locks: dict[int, int] = {}  # lock → the server's process that holds it for us

    def explained(self, error: DBAPIError) -> LedgerError:
        message = str(error.orig)  # neither the server's nor the driver's message contains a password
        reason = message.rpartition("FATAL:")[2].strip().partition("\n")[0].strip()
        state = getattr(error.orig, "sqlstate", None) or ("08" if error.connection_invalidated else "")
        if not state:  # the driver has no code for a connection that was never made
            return LedgerError(f"the ledger {self.place} cannot be opened: {reason}", _UNREACHED)
        for code, (advice, hint) in _ADVICE.items():
            if state.startswith(code):
                return LedgerError(f"the ledger {self.place}: {advice}", hint)
        return LedgerError(f"the ledger {self.place} reported an error ({state}): {reason}")

    def lock_layout(self, connection: Connection) -> None:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LAYOUT})

    def check_lock(self, connection: Connection) -> None:
        """Check that the lock's connection is open: otherwise, a different machine may have started to send."""
        if not self._locks:
            return
        found = connection.execute(
            text("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND pid = ANY(:pids)"),
            {"pids": list(self._locks.values())},
        )
        if set(self._locks.values()) - set(found.scalars()):
            raise LedgerError(
                f"the ledger {self.place}: the connection that holds the account's lock was lost",
                "Nothing more is sent, because another run may have started. Resume the run when the network is back.",
            )

    def backup(self, target: Path) -> None:
        raise UsageError(
            f"the ledger {self.place} is not a file, so it cannot be copied to {target}",
            "Back up the database with pg_dump, or with your server's usual backup tool.",
        )

    def size(self) -> int:
        with self.translated(), self.reader.connect() as connection:
            query = select(func.sum(func.pg_total_relation_size(literal_column("oid")))).select_from(text("pg_class"))
            ours = text("oid = ANY(CAST(:names AS regclass[]))").bindparams(names=list(METADATA.tables))
            return int(connection.execute(query.where(ours)).scalar_one())

    def vacuum(self) -> None:
        with self.translated(), self._autocommit.connect() as connection:
            connection.execute(text(f"VACUUM (FULL, ANALYZE) {', '.join(METADATA.tables)}"))

    @contextmanager
    def lock(self, tenant: str, run_id: str) -> Iterator[None]:
        number = int.from_bytes(hashlib.blake2b(tenant.encode(), digest_size=8).digest(), signed=True)
        name = f"importer {run_id}, process {os.getpid()} on {socket.gethostname()}"
        with self.translated():
            connection = self._autocommit.connect()
            connection.detach()  # removed from the pool: the lock ends with it, however the process ends
        try:
            with self.translated():
                connection.execute(text("SELECT set_config('application_name', :name, false)"), {"name": name[:63]})
                if not connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": number}).scalar_one():
                    raise tenant_locked(tenant, connection.execute(_HOLDER, {"lock": number}).scalars().first() or "")
                self._locks[number] = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            yield
        finally:
            if self._locks.pop(number, None) is not None:
                # The next command may follow at once, and the server notices a closed connection only a moment later.
                with suppress(SQLAlchemyError):
                    connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": number})
            connection.close()
