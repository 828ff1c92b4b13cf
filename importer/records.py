"""Small frozen records that packages exchange."""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum

from importer.errors import InternalError

# The 4xx statuses that have nothing to do with the customer: the same request can succeed later.
TEMPORARY_STATUSES = (408, 425, 429)


def content_hash(body: bytes | memoryview) -> str:
    """The SHA-256 of a body, in hex. It is the fastest hash on processors that have instructions for it."""
    return hashlib.sha256(body).hexdigest()


class Severity(StrEnum):
    """How serious a problem is: only an error rejects a record."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Action(StrEnum):
    """What a run plans to do with a customer."""

    CREATE = "create"
    UPDATE = "update"
    NONE = "none"


class OutcomeKind(StrEnum):
    """The outcome of a customer. ``VALID`` is only in the reports of ``check`` and ``plan``."""

    VALID = "valid"
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    EXISTS = "exists"
    REJECTED = "rejected"
    FAILED = "failed"
    UNKNOWN = "unknown"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a source, as a spreadsheet shows it: ``row`` counts from 1, ``column`` is the header's text."""

    file: str
    sheet: str | None = None
    row: int | None = None
    column: str | None = None

    def __str__(self) -> str:
        text = self.file if self.sheet is None else f"{self.file}!{self.sheet}"
        if self.row is not None:
            text += f":{self.row}"
        return text if self.column is None else f"{text} [{self.column}]"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong or worth knowing, with its place and what to do about it."""

    severity: Severity
    code: str
    message: str
    hint: str = ""
    location: Location | None = None
    reference_id: str | None = None
    entity: str | None = None
    field: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason why the API refused: ``details[].field`` (``addresses[1].zip_code``) and ``details[].reason``."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one customer in a run. ``seconds`` is the time from its first request to its last response."""

    reference_id: str
    kind: OutcomeKind
    customer_id: str | None = None
    http_status: int | None = None
    attempts: int = 0
    error_code: str | None = None
    error_message: str | None = None
    refusals: tuple[Refusal, ...] = ()
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """The counts of a run, checked to add up.

    Rows read = used + skipped (by reason) + rejected. Customers = the sum over all outcomes.
    """

    rows_read: int
    rows_used: int
    rows_rejected: int
    rows_skipped: dict[str, int] = field(default_factory=dict)
    customers: int = 0
    outcomes: dict[OutcomeKind, int] = field(default_factory=dict)

    def check(self) -> None:
        """Raise :class:`InternalError` if the counts contradict each other."""
        skipped = sum(self.rows_skipped.values())
        if self.rows_read != self.rows_used + skipped + self.rows_rejected:
            raise InternalError(
                f"rows do not add up: read {self.rows_read}, used {self.rows_used}, "
                f"skipped {skipped}, rejected {self.rows_rejected}"
            )
        if self.customers != sum(self.outcomes.values()):
            raise InternalError(
                f"customers do not add up: {self.customers} in all, "
                + ", ".join(f"{kind} {count}" for kind, count in self.outcomes.items())
            )
