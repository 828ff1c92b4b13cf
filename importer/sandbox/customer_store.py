"""The customers of a sandbox: in memory and, if it has a file, also stored there before the response is sent."""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

_MARK = 0x57697A43  # SQLite's application_id in the sandbox's files, so that no other database is mistaken for one
_SCHEMA = """
CREATE TABLE IF NOT EXISTS customers (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    body BLOB  -- JSON as answered; NULL once deleted, so that neither number nor id comes again
) STRICT
"""


class DataFileError(OSError):
    """The file for the sandbox's data cannot be used; the message says why."""


@dataclass(slots=True)
class Row:
    """One customer: the fields that lists use, and the whole customer as JSON. Times are microseconds since 1970."""

    number: int
    id: str
    created: int
    updated: int
    body: bytes
    reference_id: str
    name: str
    display_name: str
    active: bool

    def customer(self) -> dict[str, Any]:
        customer: dict[str, Any] = orjson.loads(self.body)
        return customer


def _row(number: int, created: int, updated: int, customer: dict[str, Any]) -> Row:
    return Row(
        number=number,
        id=customer["id"],
        created=created,
        updated=updated,
        body=orjson.dumps(customer),
        reference_id=customer["reference_id"],
        name=customer["name"],
        display_name=customer.get("display_name", ""),
        active=customer["status"] == "active",
    )


class CustomerStore:
    """Customers by ID and by reference ID. ``version`` changes with every write."""

    def __init__(self, path: Path | None) -> None:
        self.version = 0
        self._rows: dict[str, Row] = {}
        self._by_reference: dict[str, dict[str, Row]] = {}
        self._last_number = 0
        self._file = None if path is None else _open(path)
        if self._file is not None:
            self._load(self._file)

    def next_number(self) -> int:
        """The number for the next customer. It is never used again, even if that customer is deleted."""
        return self._last_number + 1

    def add(self, customer: dict[str, Any], *, now: int) -> Row:
        row = _row(self.next_number(), now, now, customer)
        if self._file is not None:
            values = (row.number, row.id, row.created, row.updated, row.body)
            self._file.execute("INSERT INTO customers VALUES (?, ?, ?, ?, ?)", values)
        self._last_number = row.number
        self._keep(row)
        return row

    def change(self, row: Row, customer: dict[str, Any], *, now: int) -> Row:
        changed = _row(row.number, row.created, now, customer)
        if self._file is not None:
            values = (now, changed.body, row.number)
            self._file.execute("UPDATE customers SET updated = ?, body = ? WHERE number = ?", values)
        self._forget(row)
        self._keep(changed)
        return changed

    def remove(self, row: Row) -> None:
        if self._file is not None:
            self._file.execute("UPDATE customers SET body = NULL WHERE number = ?", (row.number,))
        self._forget(row)

    def get(self, customer_id: str) -> Row | None:
        return self._rows.get(customer_id.lower())

    def with_reference_ids(self, reference_ids: Iterable[str]) -> list[Row]:
        return [row for name in dict.fromkeys(reference_ids) for row in self._by_reference.get(name, {}).values()]

    def __iter__(self) -> Iterator[Row]:
        return iter(list(self._rows.values()))

    def __len__(self) -> int:
        return len(self._rows)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _keep(self, row: Row) -> None:
        self._rows[row.id] = row
        self._by_reference.setdefault(row.reference_id, {})[row.id] = row
        self.version += 1

    def _forget(self, row: Row) -> None:
        del self._rows[row.id]
        same_reference = self._by_reference[row.reference_id]
        del same_reference[row.id]
        if not same_reference:
            del self._by_reference[row.reference_id]
        self.version += 1

    def _load(self, file: sqlite3.Connection) -> None:
        for number, created, updated, body in file.execute(
            "SELECT number, created, updated, body FROM customers ORDER BY number"
        ):
            self._last_number = number
            if body is not None:
                self._keep(_row(number, created, updated, orjson.loads(body)))


def _open(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
        # One thread serves requests one at a time, but it may not be the thread in which the sandbox was created.
        file = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=2)
    except (OSError, sqlite3.Error) as error:
        raise DataFileError(f"the sandbox's data file {path} cannot be opened: {error}") from error
    try:
        (tables,) = file.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (mark,) = file.execute("PRAGMA application_id").fetchone()
        if tables and mark != _MARK:
            raise sqlite3.DatabaseError("it is a database of something else")
        # Two sandboxes on one file would not see each other's customers.
        file.execute("PRAGMA locking_mode = EXCLUSIVE")
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("PRAGMA synchronous = NORMAL")  # commits survive the death of this process, as promised
        file.execute(f"PRAGMA application_id = {_MARK}")
        file.execute(_SCHEMA)
        file.execute("BEGIN IMMEDIATE")
        file.execute("COMMIT")
    except sqlite3.Error as error:
        file.close()
        in_use = "another sandbox uses it" if "locked" in str(error) else str(error)
        raise DataFileError(f"the sandbox's data file {path} cannot be used: {in_use}") from error
    return file
