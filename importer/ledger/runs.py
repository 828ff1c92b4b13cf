"""Tenants, and the history of runs: what each run planned to do, and how it ended."""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert  # SQLite's compiler writes its ON CONFLICT, too

from importer.errors import InternalError, UsageError
from importer.ledger.database import Database, as_json, blocks, fetch_frame, plain, rows
from importer.ledger.ledger_schema import CUSTOMERS, NOT_SENT, RUN_CUSTOMERS, RUNS, TENANTS, State, stamp
from importer.records import Action, OutcomeKind
from importer.tables import TEXT

OUTCOME_DTYPES: dict[str, Any] = {
    "position": "int64",
    **dict.fromkeys(("reference_id", "action", "outcome", "customer_id", "display_id"), TEXT),
    "http_status": pd.Int64Dtype(),
    "attempts": "int64",
    **dict.fromkeys(("error_code", "error_message", "refusals"), TEXT),
    "seconds": pd.Float64Dtype(),
}
PLAN_COLUMNS = ("position", "reference_id", "hash", "action", "outcome", "offset", "length", "customer_id")
_PLAN = rows(
    "plan",
    *RUN_CUSTOMERS.c[
        "position", "reference_id", "hash", "action", "outcome", "body_offset", "body_length", "customer_id"
    ],
)
# Values that all rows share are not part of the rows: extracting a value from the JSON is most of the cost of a row.
_ADD_PLAN = sa.insert(RUN_CUSTOMERS).from_select(
    ["run_id", "attempts", *(column.name for column in _PLAN.c)],
    sa.select(sa.bindparam("run_id", type_=sa.Text()), sa.literal_column("0"), *_PLAN.c),
)


@dataclass(frozen=True, slots=True)
class Run:
    """A run in the history. ``out`` is the run's own folder; ``summary`` is None until it has finished."""

    id: str
    tenant: str
    command: str
    started_at: datetime
    out: Path
    mapping: str
    finished_at: datetime | None = None
    exit_code: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] | None = None


class Runs(Database):
    """Tenants and the history of their runs."""

    def tenant(self, name: str) -> str:
        """Add the tenant if the ledger does not have it. Returns its name."""
        new = insert(TENANTS).values(name=name, created_at=self._stamp())
        with self._write() as connection:
            connection.execute(new.on_conflict_do_nothing())
        return name

    def tenants(self) -> list[str]:
        """The names of all tenants, sorted."""
        with self._read() as connection:
            return list(connection.execute(sa.select(TENANTS.c.name).order_by(TENANTS.c.name)).scalars())

    def check_key(self, tenant: str, key: str, *, accept: bool = False, remember: bool = True) -> None:
        """Compare ``key`` with the tenant's fingerprint. The first key is remembered, and with ``accept`` any key.

        Without ``remember`` nothing is written, and the tenant may be unknown. The fingerprint is scrypt with a salt
        of its own, so the key cannot be read back or compared between ledgers. Raises :class:`UsageError` for another
        key than the remembered one.
        """
        with self._read() as connection:
            query = sa.select(TENANTS.c.key_salt, TENANTS.c.key_fingerprint).where(TENANTS.c.name == tenant)
            salt, fingerprint = connection.execute(query).first() or (b"", None)
        if fingerprint is not None and hmac.compare_digest(fingerprint, _fingerprint(key, salt)):
            return
        if fingerprint is not None and not accept:
            raise UsageError(
                f"the API key is not the one that was used for account {tenant} before",
                "If the key was renewed for the same account, add --accept-key. Otherwise, use a different --tenant.",
            )
        if not remember:
            return
        salt = secrets.token_bytes(16)
        values = {"key_salt": salt, "key_fingerprint": _fingerprint(key, salt)}
        with self._write() as connection:
            connection.execute(sa.update(TENANTS).where(TENANTS.c.name == tenant).values(values))

    def lock(self, tenant: str, run_id: str) -> AbstractContextManager[None]:
        """Lock the tenant during a run. Raises :class:`TenantLockedError` that names the lock's holder."""
        return self._store.lock(tenant, run_id)

    def start_run(
        self,
        tenant: str,
        command: str,
        *,
        out: Path,
        mapping: str,
        options: Mapping[str, Any] | None = None,
        claim: Callable[[Path], bool] = lambda folder: not folder.exists(),
    ) -> Run:
        """Add a run to the history. Its id is its start (UTC), and its folder is below ``out``.

        If a run of this ledger has that id already, or ``claim`` refuses the folder, a number is appended.
        """
        moment = self._now()
        base = f"{moment:%Y%m%d-%H%M%S}"
        values = {
            "tenant": tenant,
            "command": command,
            "started_at": stamp(moment),
            "mapping": mapping,
            "options": orjson.dumps(dict(options or {})).decode(),
        }

        def entered(name: str) -> bool:
            new = insert(RUNS).values(id=name, out=str(out.absolute() / name), **values)
            return connection.execute(new.on_conflict_do_nothing().returning(RUNS.c.id)).first() is not None

        with self._write() as connection:
            taken = set(connection.execute(sa.select(RUNS.c.id).where(RUNS.c.id.startswith(base))).scalars())
            names = chain([base], (f"{base}-{number}" for number in count(2)))
            run_id = next(name for name in names if name not in taken and claim(out / name) and entered(name))
        return self.run(run_id)

    def finish_run(self, run_id: str, exit_code: int, summary: Mapping[str, Any]) -> None:
        """Record how a run ended; a resumed run ends again."""
        text = orjson.dumps(dict(summary)).decode()
        values = {"finished_at": self._stamp(), "exit_code": exit_code, "summary": text}
        with self._write() as connection:
            connection.execute(sa.update(RUNS).where(RUNS.c.id == run_id).values(values))

    def runs(self, tenant: str | None = None) -> list[Run]:
        """The history, newest first."""
        return self._runs(_history(tenant))

    def run(self, run_id: str) -> Run:
        """One run. Raises :class:`UsageError` when there is none with that id."""
        found = self._runs(sa.select(RUNS).where(RUNS.c.id == run_id))
        if not found:
            raise UsageError(f"the ledger {self.place} has no run {run_id}", "`importer runs` lists all runs.")
        return found[0]

    def latest_run(self, tenant: str | None = None) -> Run:
        """The last run that got as far as planning a customer. Raises :class:`UsageError` when there is none."""
        found = self.last_planned(tenant)
        if found is None:
            message = f"the ledger {self.place} has no usable run yet"
            raise UsageError(message, "Check --ledger, or run an import first.")
        return found

    def last_planned(self, tenant: str | None = None) -> Run | None:
        """The last run that got as far as planning a customer, if there is one."""
        planned = sa.exists().where(RUN_CUSTOMERS.c.run_id == RUNS.c.id)
        return next(iter(self._runs(_history(tenant).where(planned).limit(1))), None)

    def _runs(self, query: sa.Select[Any]) -> list[Run]:
        with self._read() as connection:
            return [_run(row) for row in connection.execute(query).mappings()]

    def plan_run(self, run_id: str, plan: pd.DataFrame) -> None:
        """Record the plan of a run; ``pending`` customers to be created become ``planned``.

        ``plan``: ``position`` (int64, the order of sending), ``reference_id, hash, action, outcome, customer_id``
        (TEXT, from the planner), ``offset, length`` (int64, of the body in the run's payloads). Raises
        :class:`InternalError` when the absence of a customer to be created was not recorded.
        """
        lists = [plain(plan[name]) for name in PLAN_COLUMNS]
        pending = sa.and_(
            RUN_CUSTOMERS.c.run_id == run_id,
            RUN_CUSTOMERS.c.outcome == OutcomeKind.PENDING,
            RUN_CUSTOMERS.c.action == Action.CREATE,
        )
        tenant = sa.select(RUNS.c.tenant).where(RUNS.c.id == run_id).scalar_subquery()
        set_planned = (
            sa.update(CUSTOMERS)
            .values(state=State.PLANNED, hash=RUN_CUSTOMERS.c.hash, run_id=run_id, updated_at=self._stamp())
            .where(
                pending,
                CUSTOMERS.c.tenant == tenant,
                CUSTOMERS.c.reference_id == RUN_CUSTOMERS.c.reference_id,
                CUSTOMERS.c.state.in_(NOT_SENT),
            )
        )
        with self._write() as connection:
            for block in blocks(list(zip(*lists, strict=True))):
                connection.execute(_ADD_PLAN, {"run_id": run_id, "plan": as_json(block)})
            planned = connection.execute(set_planned).rowcount
            wanted = connection.execute(sa.select(sa.func.count()).where(pending)).scalar_one()
            if planned != wanted:
                raise InternalError(f"{wanted - planned} customers were planned without being looked up first")

    def counts(self, run_id: str) -> dict[OutcomeKind, int]:
        """Outcome → how many customers of the run have it; only outcomes that occur."""
        outcome = RUN_CUSTOMERS.c.outcome
        query = sa.select(outcome, sa.func.count()).where(RUN_CUSTOMERS.c.run_id == run_id).group_by(outcome)
        with self._read() as connection:
            return {OutcomeKind(kind): number for kind, number in connection.execute(query)}

    def outcomes(self, run_id: str) -> pd.DataFrame:
        """Every customer of the run, ordered by position, with the columns of ``OUTCOME_DTYPES``.

        ``refusals`` is a JSON array of ``{"field", "reason"}``, or null; ``seconds`` is the time from the first
        request to the last answer.
        """
        same = sa.and_(
            CUSTOMERS.c.tenant == RUNS.c.tenant,
            CUSTOMERS.c.reference_id == RUN_CUSTOMERS.c.reference_id,
            CUSTOMERS.c.customer_id == RUN_CUSTOMERS.c.customer_id,
        )
        query = (
            sa.select(*((CUSTOMERS if name == "display_id" else RUN_CUSTOMERS).c[name] for name in OUTCOME_DTYPES))
            .select_from(RUN_CUSTOMERS.join(RUNS).outerjoin(CUSTOMERS, same))
            .where(RUN_CUSTOMERS.c.run_id == run_id)
            .order_by(RUN_CUSTOMERS.c.position)
        )
        with self._read() as connection:
            return fetch_frame(connection, query, OUTCOME_DTYPES)


def _history(tenant: str | None) -> sa.Select[Any]:
    query = sa.select(RUNS).order_by(RUNS.c.started_at.desc(), sa.func.length(RUNS.c.id).desc(), RUNS.c.id.desc())
    return query if tenant is None else query.where(RUNS.c.tenant == tenant)


def _fingerprint(key: str, salt: bytes) -> bytes:
    return hashlib.scrypt(key.encode(), salt=salt, n=2**14, r=8, p=1)


def _run(row: sa.RowMapping) -> Run:
    values = dict(row)
    for name in ("started_at", "finished_at"):
        values[name] = values[name] and datetime.fromisoformat(values[name])
    for name in ("options", "summary"):
        values[name] = values[name] and orjson.loads(values[name])
    return Run(**{**values, "out": Path(values["out"])})
