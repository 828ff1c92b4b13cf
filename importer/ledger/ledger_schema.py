"""The ledger's tables, its states, and the migrations from older versions.

Times are UTC, ISO 8601 text with milliseconds and ``Z``, which sorts as time does. Options, summaries, refusals,
children and the values before and after a write are JSON text.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal, get_args

import sqlalchemy as sa

from importer.errors import LedgerError
from importer.records import Action, OutcomeKind
from importer.tables import ENTITIES


class State(StrEnum):
    """What the ledger knows about a customer of a tenant.

    ``ABSENT``: looked up in the API and not found, at ``absent_at``. ``EXISTS``: was in the API before anything was
    sent. ``PLANNED``: absent, and part of a run. ``SENDING``: a request may have been sent. ``UNKNOWN``: a request was
    sent, and its outcome is not known. ``REFUSED``: the API refused the customer, and nothing was created.
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

    ``SENDING``: it may have been sent. ``DONE``: it took effect. ``REFUSED``: the API refused it. ``UNKNOWN``: it was
    sent, and its answer is missing. ``ABSENT``: it had no effect. ``RESTORED``: undo restored the previous values.
    ``KEPT``: undo did not revert it.
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
    """A time as the ledger writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _one_of(column: str, values: Iterable[str]) -> sa.CheckConstraint:
    # Not IN: SQLite would build a table of the values for each row, which takes longer than the rest of the insert.
    return sa.CheckConstraint(" OR ".join(f"{column} = {str(value)!r}" for value in values), name=f"known_{column}")


# SQLite numbers rows automatically only in a column of type INTEGER, and has one size for all integers.
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _texts(*names: str, nullable: bool = True) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=nullable) for name in names]


METADATA = sa.MetaData()
SCHEMA_VERSION = sa.Table("schema_version", METADATA, sa.Column("version", sa.Integer, nullable=False))
TENANTS = sa.Table(
    "tenants",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("key_salt", sa.LargeBinary),
    sa.Column("key_fingerprint", sa.LargeBinary),
    sa.Column("created_at", sa.Text, nullable=False),
)
RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.ForeignKey("tenants.name"), nullable=False),
    *_texts("command", "started_at", nullable=False),
    sa.Column("finished_at", sa.Text),
    sa.Column("exit_code", sa.Integer),
    *_texts("out", "mapping", "options", nullable=False),
    sa.Column("summary", sa.Text),
)
# Small rows, so that planning can read 300,000 of them; the bodies have a table of their own.
CUSTOMERS = sa.Table(
    "customers",
    METADATA,
    sa.Column("tenant", sa.ForeignKey("tenants.name"), primary_key=True),
    sa.Column("reference_id", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("hash", sa.Text),  # of the content that was sent last, or is planned
    sa.Column("customer_id", sa.Text),
    sa.Column("run_id", sa.ForeignKey("runs.id")),  # the run that planned or sent it last
    sa.Column("absent_at", sa.Text),
    sa.Column("updated_at", sa.Text, nullable=False),
    sa.Column("display_id", sa.Text),  # as WizCommerce shows the customer to people
    _one_of("state", State),
    sa.Index("customers_of_id", "tenant", "customer_id"),
    sqlite_with_rowid=False,
)
ACCEPTED = sa.Table(
    "accepted",
    METADATA,
    sa.Column("tenant", sa.ForeignKey("tenants.name"), primary_key=True),
    sa.Column("reference_id", sa.Text, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("children", sa.Text),  # null: not known
    sa.Column("updated_at", sa.Text),  # the API's own time when it accepted the body; null: not known
    sa.Column("accepted_at", sa.Text, nullable=False),
)
RUN_CUSTOMERS = sa.Table(
    "run_customers",
    METADATA,
    sa.Column("run_id", sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    *_texts("reference_id", "hash", "action", "outcome", nullable=False),
    sa.Column("body_offset", NUMBER, nullable=False),
    sa.Column("body_length", NUMBER, nullable=False),
    sa.Column("customer_id", sa.Text),
    sa.Column("http_status", sa.Integer),
    sa.Column("attempts", sa.Integer, nullable=False),
    *_texts("error_code", "error_message", "refusals"),
    sa.Column("seconds", sa.Float),
    _one_of("action", Action),
    _one_of("outcome", OutcomeKind),
    sqlite_with_rowid=False,
)
ATTEMPTS = sa.Table(
    "attempts",
    METADATA,
    sa.Column("id", NUMBER, primary_key=True),
    sa.Column("run_id", sa.ForeignKey("runs.id"), nullable=False),
    sa.Column("reference_id", sa.Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("ended_at", sa.Text, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Index("attempts_of_run", "run_id"),
)
# Requests that change existing customers, each with the values from before, which undo restores.
WRITES = sa.Table(
    "writes",
    METADATA,
    sa.Column("id", NUMBER, primary_key=True),
    sa.Column("run_id", sa.ForeignKey("runs.id"), nullable=False),
    sa.Column("tenant", sa.ForeignKey("tenants.name"), nullable=False),
    *_texts("reference_id", "method", "entity", nullable=False),
    *_texts("child_id", "child_reference_id", "before", "after"),
    *_texts("state", "announced_at", nullable=False),
    sa.Column("settled_at", sa.Text),
    _one_of("method", get_args(WriteMethod)),
    _one_of("entity", ENTITIES),
    _one_of("state", WriteState),
    sa.Index("writes_of_customer", "tenant", "reference_id"),
)


def _times_of_acceptance(connection: sa.Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE accepted ADD COLUMN updated_at TEXT")


def _writes_and_display_ids(connection: sa.Connection) -> None:
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
MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (_times_of_acceptance, _writes_and_display_ids)


def migrate(connection: sa.Connection, place: str, keep: Callable[[int], None]) -> None:
    """Make the tables, or migrate older ones. Raises :class:`LedgerError` for a ledger of a newer importer.

    ``keep`` is called with the version of an older ledger before anything is changed, and may copy it.
    """
    newest = len(MIGRATIONS) + 1
    tables = set(sa.inspect(connection).get_table_names())
    if SCHEMA_VERSION.name not in tables:
        if tables:
            raise LedgerError(
                f"{place} is a database, but not a ledger of the importer",
                "Specify another file with --ledger. If it does not exist, it is created.",
            )
        METADATA.create_all(connection)
        connection.execute(sa.insert(SCHEMA_VERSION).values(version=newest))
        return
    version = connection.execute(sa.select(SCHEMA_VERSION.c.version)).scalar_one()
    if version > newest:
        raise LedgerError(
            f"the ledger {place} was written by a newer importer (schema {version}; this one supports {newest})",
            "Update the importer, or specify another ledger with --ledger.",
        )
    if version < newest:
        keep(version)
        for step in MIGRATIONS[version - 1 :]:
            step(connection)
        connection.execute(sa.update(SCHEMA_VERSION).values(version=newest))
