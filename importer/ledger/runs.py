"""Tenants and the history of runs."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import RowMapping, Select, exists, func, insert, select, update

from importer.errors import UsageError
from importer.ledger.database import Database
from importer.ledger.ledger_schema import RUN_CUSTOMERS, RUNS, TENANTS, stamp

__all__ = ["Run", "RunFacet"]


@dataclass(frozen=True, slots=True)
class Run:
    """One run as the history keeps it. ``out`` is the run's own folder; ``summary`` is None until it has finished."""

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


class RunFacet(Database):
    """Who imports, and when they did."""

    def tenant(self, name: str) -> str:
        """Make the tenant known, if it is not. Returns its name."""
        with self._write() as connection:
            if connection.execute(select(TENANTS.c.name).where(TENANTS.c.name == name)).first() is None:
                connection.execute(insert(TENANTS).values(name=name, created_at=self._stamp()))
        return name

    def tenants(self) -> list[str]:
        """Every tenant by name."""
        with self._read() as connection:
            return list(connection.execute(select(TENANTS.c.name).order_by(TENANTS.c.name)).scalars())

    def check_key(self, tenant: str, key: str, *, accept: bool = False, remember: bool = True) -> None:
        """Compare ``key`` with the tenant's fingerprint; the first key is remembered, and with ``accept`` any.

        Without ``remember`` nothing is written, and the tenant need not be known.

        The fingerprint is scrypt with a salt of its own, so the key cannot be read back or compared between ledgers.
        Raises :class:`UsageError` when the key is another one.
        """
        with self._read() as connection:
            query = select(TENANTS.c.key_salt, TENANTS.c.key_fingerprint).where(TENANTS.c.name == tenant)
            salt, fingerprint = connection.execute(query).first() or (b"", None)
        if fingerprint is not None and hmac.compare_digest(fingerprint, _fingerprint(key, salt)):
            return
        if fingerprint is not None and not accept:
            raise UsageError(
                f"the API key is not the one that tenant {tenant} was imported with before",
                "If the key was renewed for the same account, add --accept-key; else name another --tenant.",
            )
        if not remember:
            return
        salt = secrets.token_bytes(16)
        values = {"key_salt": salt, "key_fingerprint": _fingerprint(key, salt)}
        with self._write() as connection:
            connection.execute(update(TENANTS).where(TENANTS.c.name == tenant).values(values))

    def lock(self, tenant: str, run_id: str) -> AbstractContextManager[None]:
        """Lock the tenant while a run is under way. Raises :class:`TenantLockedError` naming who has the lock."""
        return self._store.lock(tenant, run_id)

    def start_run(
        self, tenant: str, command: str, *, out: Path, mapping: str, options: Mapping[str, Any] | None = None
    ) -> Run:
        """Enter a run into the history. Its id is its start (UTC), and its folder lies below ``out``.

        Where that is taken, by a run of this ledger or by a folder of another's, a number stands behind it.
        """
        moment = self._now()
        base = f"{moment:%Y%m%d-%H%M%S}"
        with self._write() as connection:
            taken = set(connection.execute(select(RUNS.c.id).where(RUNS.c.id.startswith(base))).scalars())
            run_id = next(name for name in _numbered(base) if name not in taken and not (out / name).exists())
            values = {
                "id": run_id,
                "tenant": tenant,
                "command": command,
                "started_at": stamp(moment),
                "out": str(out.absolute() / run_id),
                "mapping": mapping,
                "options": orjson.dumps(dict(options or {})).decode(),
            }
            connection.execute(insert(RUNS).values(values))
        return self.run(run_id)

    def finish_run(self, run_id: str, exit_code: int, summary: Mapping[str, Any]) -> None:
        """Enter how a run ended; a run that was resumed ends again."""
        values = {
            "finished_at": self._stamp(),
            "exit_code": exit_code,
            "summary": orjson.dumps(dict(summary)).decode(),
        }
        with self._write() as connection:
            connection.execute(update(RUNS).where(RUNS.c.id == run_id).values(values))

    def runs(self, tenant: str | None = None) -> list[Run]:
        """The history, latest first."""
        with self._read() as connection:
            return [_run(row) for row in connection.execute(_history(tenant)).mappings()]

    def run(self, run_id: str) -> Run:
        """One run. Raises :class:`UsageError` when there is none with that id."""
        with self._read() as connection:
            row = connection.execute(select(RUNS).where(RUNS.c.id == run_id)).mappings().first()
        if row is None:
            raise UsageError(f"the ledger {self.place} knows no run {run_id}", "`importer runs` lists them.")
        return _run(row)

    def latest_run(self, tenant: str | None = None, *, planned: bool = False) -> Run:
        """The run that was started last; with ``planned`` the last one that got as far as planning a customer.

        Raises :class:`UsageError` when there is none.
        """
        query = _history(tenant)
        if planned:
            query = query.where(exists().where(RUN_CUSTOMERS.c.run_id == RUNS.c.id))
        with self._read() as connection:
            row = connection.execute(query.limit(1)).mappings().first()
        if row is None:
            what = "run that planned anything" if planned else "run"
            raise UsageError(f"the ledger {self.place} knows no {what} yet", "Check --ledger, or start with a run.")
        return _run(row)


def _history(tenant: str | None) -> Select[Any]:
    query = select(RUNS).order_by(RUNS.c.started_at.desc(), func.length(RUNS.c.id).desc(), RUNS.c.id.desc())
    return query if tenant is None else query.where(RUNS.c.tenant == tenant)


def _fingerprint(key: str, salt: bytes) -> bytes:
    return hashlib.scrypt(key.encode(), salt=salt, n=2**14, r=8, p=1)


def _numbered(base: str) -> Any:
    yield base
    number = 2
    while True:
        yield f"{base}-{number}"
        number += 1


def _run(row: RowMapping) -> Run:
    return Run(
        id=row["id"],
        tenant=row["tenant"],
        command=row["command"],
        started_at=datetime.fromisoformat(row["started_at"]),
        out=Path(row["out"]),
        mapping=row["mapping"],
        finished_at=None if row["finished_at"] is None else datetime.fromisoformat(row["finished_at"]),
        exit_code=row["exit_code"],
        options=orjson.loads(row["options"]),
        summary=None if row["summary"] is None else orjson.loads(row["summary"]),
    )
