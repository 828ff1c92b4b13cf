"""The ledger's tables, its states, and the migrations from older versions.

Times are UTC, ISO 8601 text with milliseconds and ``Z``, which sorts as time does. Options, summaries, refusals,
children and the values before and after a write are JSON text.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal, get_args

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    insert,
    inspect,
    select,
    update,
)

from importer.errors import LedgerError
from importer.records import Action, OutcomeKind
from importer.tables import ENTITIES

__all__ = [
    "ACCEPTED",
    "ATTEMPTS",
    "CUSTOMERS",
    "METADATA",
    "NOT_SENT",
    "OPEN_WRITES",
    "OUTCOME_UNKNOWN",
    "RUNS",
    "RUN_CUSTOMERS",
    "SENT",
    "TENANTS",
    "WRITES",
    "State",
    "WriteMethod",
    "WriteState",
    "migrate",
    "stamp",
]


class State(StrEnum):
    """What the ledger knows about a customer of a tenant.

    ``ABSENT``: looked up in the API and not found, at ``absent_at``. ``EXISTS``: was in the API before anything was
    sent. ``PLANNED``: absent, and part of a run. ``SENDING``: a request may have left. ``UNKNOWN``: a request left and
    its outcome is not known. ``REFUSED``: the API refused it, nothing was created.
    """

    ABSENT = "absent"
    EXISTS = "exists"
    PLANNED = "planned"
    SENDING = "sending"
    CREATED = "created"
    UPDATED = "updated"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class WriteState(StrEnum):
    """What is known about one request that changes an existing customer or one of its children.

    ``SENDING``: it may have left. ``DONE``: it took effect. ``REFUSED``: the API refused it. ``UNKNOWN``: it left, and
    its answer is missing. ``ABSENT``: it had no effect. ``RESTORED``: undo restored the previous values. ``KEPT``:
    undo left it in place.
    """

    SENDING = "sending"
    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    ABSENT = "absent"
    RESTORED = "restored"
    KEPT = "kept"


WriteMethod = Literal["PATCH", "PUT", "POST", "DELETE"]
NOT_SENT = (State.ABSENT, State.PLANNED, State.REFUSED)  # nothing that was sent is in the API, and nothing can be
SENT = (State.CREATED, State.UPDATED)
OUTCOME_UNKNOWN = (State.SENDING, State.UNKNOWN)
OPEN_WRITES = (WriteState.SENDING, WriteState.UNKNOWN)  # it is not known whether they took effect


def stamp(moment: datetime) -> str:
    """A moment as the ledger writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    # Not IN: SQLite would build a table of the values for each row, which takes longer than the rest of the insert.
    return CheckConstraint(" OR ".join(f"{column} = {str(value)!r}" for value in values), name=f"known_{column}")


# SQLite numbers rows automatically only in a column of type INTEGER, and has one size for all integers.
NUMBER = BigInteger().with_variant(Integer, "sqlite")

METADATA = MetaData()
SCHEMA_VERSION = Table("schema_version", METADATA, Column("version", Integer, nullable=False))
TENANTS = Table(
    "tenants",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("key_salt", LargeBinary),
    Column("key_fingerprint", LargeBinary),
    Column("created_at", Text, nullable=False),
)
RUNS = Table(
    "runs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("tenant", ForeignKey("tenants.name"), nullable=False),
    Column("command", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("finished_at", Text),
    Column("exit_code", Integer),
    Column("out", Text, nullable=False),
    Column("mapping", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("summary", Text),
)
# Small rows, so that planning can read 300,000 of them; the bodies have a table of their own.
CUSTOMERS = Table(
    "customers",
    METADATA,
    Column("tenant", ForeignKey("tenants.name"), primary_key=True),
    Column("reference_id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("hash", Text),  # of the content that was sent last, or is planned
    Column("customer_id", Text),
    Column("run_id", ForeignKey("runs.id")),  # the run that planned or sent it last
    Column("absent_at", Text),
    Column("updated_at", Text, nullable=False),
    Column("display_id", Text),  # as WizCommerce shows the customer to people
    _one_of("state", State),
    Index("customers_of_id", "tenant", "customer_id"),
    sqlite_with_rowid=False,
)
ACCEPTED = Table(
    "accepted",
    METADATA,
    Column("tenant", ForeignKey("tenants.name"), primary_key=True),
    Column("reference_id", Text, primary_key=True),
    Column("body", Text, nullable=False),
    Column("children", Text),  # null: not known
    Column("updated_at", Text),  # the API's own time when it accepted the body; null: not known
    Column("accepted_at", Text, nullable=False),
)
RUN_CUSTOMERS = Table(
    "run_customers",
    METADATA,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("reference_id", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("body_offset", NUMBER, nullable=False),
    Column("body_length", NUMBER, nullable=False),
    Column("customer_id", Text),
    Column("http_status", Integer),
    Column("attempts", Integer, nullable=False),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("refusals", Text),
    Column("seconds", Float),
    _one_of("action", Action),
    _one_of("outcome", OutcomeKind),
    sqlite_with_rowid=False,
)
ATTEMPTS = Table(
    "attempts",
    METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("reference_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("ended_at", Text, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Integer),
    Index("attempts_of_run", "run_id"),
)
# Requests that change existing customers, each with the values from before, which undo restores.
WRITES = Table(
    "writes",
    METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("tenant", ForeignKey("tenants.name"), nullable=False),
    Column("reference_id", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("child_id", Text),
    Column("child_reference_id", Text),
    Column("before", Text),
    Column("after", Text),
    Column("state", Text, nullable=False),
    Column("announced_at", Text, nullable=False),
    Column("settled_at", Text),
    _one_of("method", get_args(WriteMethod)),
    _one_of("entity", ENTITIES),
    _one_of("state", WriteState),
    Index("writes_of_customer", "tenant", "reference_id"),
)


def _times_of_acceptance(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE accepted ADD COLUMN updated_at TEXT")


def _writes_and_display_ids(connection: Connection) -> None:
    number = "INTEGER" if connection.dialect.name == "sqlite" else "BIGSERIAL"
    for statement in (
        "ALTER TABLE customers ADD COLUMN display_id TEXT",
        "CREATE INDEX customers_of_id ON customers (tenant, customer_id)",
        f"""CREATE TABLE writes (
            id {number} NOT NULL,
            run_id TEXT NOT NULL,
            tenant TEXT NOT NULL,
            reference_id TEXT NOT NULL,
            method TEXT NOT NULL,
            entity TEXT NOT NULL,
            child_id TEXT,
            child_reference_id TEXT,
            before TEXT,
            after TEXT,
            state TEXT NOT NULL,
            announced_at TEXT NOT NULL,
            settled_at TEXT,
            PRIMARY KEY (id),
            CONSTRAINT known_method CHECK (
                method = 'PATCH' OR method = 'PUT' OR method = 'POST' OR method = 'DELETE'
            ),
            CONSTRAINT known_entity CHECK (entity = 'customer' OR entity = 'address' OR entity = 'contact'),
            CONSTRAINT known_state CHECK (
                state = 'sending' OR state = 'done' OR state = 'refused' OR state = 'unknown' OR state = 'absent'
                OR state = 'restored' OR state = 'kept'
            ),
            FOREIGN KEY(run_id) REFERENCES runs (id),
            FOREIGN KEY(tenant) REFERENCES tenants (name)
        )""",
        "CREATE INDEX writes_of_customer ON writes (tenant, reference_id)",
    ):
        connection.exec_driver_sql(statement)


# MIGRATIONS[n] migrates from version n + 1 to n + 2; a new ledger starts with the newest version. A released migration
# never changes.
MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_times_of_acceptance, _writes_and_display_ids)


def migrate(connection: Connection, place: str, keep: Callable[[int], None]) -> None:
    """Make the tables, or migrate older ones. Raises :class:`LedgerError` for a ledger of a newer importer.

    ``keep`` is called with the version of an older ledger before anything is changed, and may copy it.
    """
    newest = len(MIGRATIONS) + 1
    tables = set(inspect(connection).get_table_names())
    if SCHEMA_VERSION.name not in tables:
        if tables:
            raise LedgerError(
                f"{place} is a database, but not a ledger of the importer",
                "Name another file with --ledger; if it does not exist, it is created.",
            )
        METADATA.create_all(connection)
        connection.execute(insert(SCHEMA_VERSION).values(version=newest))
        return
    version = connection.execute(select(SCHEMA_VERSION.c.version)).scalar_one()
    if version > newest:
        raise LedgerError(
            f"the ledger {place} was written by a newer importer (schema {version}, this one knows {newest})",
            "Update the importer, or name another ledger with --ledger.",
        )
    if version < newest:
        keep(version)
        for step in MIGRATIONS[version - 1 :]:
            step(connection)
        connection.execute(update(SCHEMA_VERSION).values(version=newest))
