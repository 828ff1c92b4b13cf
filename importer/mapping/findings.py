"""What a transform gives back: new distinct values, and what it found on the way."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from importer.mapping.columns import Codes, Mask
from importer.records import Severity

__all__ = ["Finding", "Result", "RowFinding", "failures"]


@dataclass(frozen=True)
class Finding:
    """Something about some of the distinct values: ``chosen`` marks them; texts are one for all or one a value.

    ``replaces``: a warning that also says what became of the value.
    """

    chosen: Mask
    severity: Severity
    code: str
    message: str | Sequence[str]
    hint: str | Sequence[str] = ""
    replaces: bool = False

    def texts(self, number: int) -> tuple[str, str]:
        """(message, hint) for one distinct value."""
        message = self.message if isinstance(self.message, str) else self.message[number]
        return message, self.hint if isinstance(self.hint, str) else self.hint[number]


@dataclass(frozen=True)
class Result:
    """``values``: one (nullable) text for each distinct value given; ``extensions``: phone extensions, likewise."""

    values: pa.Array
    findings: tuple[Finding, ...] = ()
    extensions: pa.Array | None = None


def failures(
    code: str,
    reasons: Sequence[str | None],
    hint: str | Sequence[str],
    severity: Severity = Severity.ERROR,
    *,
    replaces: bool = False,
) -> tuple[Finding, ...]:
    """A finding, an error unless said otherwise, for each distinct value that has a reason; nothing when none has."""
    chosen = pa.array(reasons, pa.string()).is_valid().to_numpy(zero_copy_only=False)
    if not chosen.any():
        return ()
    return (Finding(chosen, severity, code, [reason or "" for reason in reasons], hint, replaces),)


@dataclass(frozen=True)
class RowFinding:
    """Something about the rows ``at``: ``numbers`` picks each row's texts in ``finding``; ``reference``: its column."""

    at: Codes
    numbers: Codes
    finding: Finding
    reference: str
    part: int

    def only(self, chosen: Mask) -> "RowFinding":
        """The finding on fewer rows."""
        kept = chosen[self.at]
        return replace(self, at=self.at[kept], numbers=self.numbers[kept])
