"""A ``sign-off.xlsx`` that came back: which plan it is about, who signed it, and whether it was changed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

from importer.errors import UsageError
from importer.report.sign_off import FINGERPRINT, PLAN, SHEET, SIGNED_BY, SIGNED_ON, digest_text, row_digest

_AGAIN = "Plan again, and have the new sign-off.xlsx signed. Nothing was sent."


@dataclass(frozen=True)
class SignedOff:
    """A sign-off that came back: the plan's id, the fingerprint of what it sends, who signed and when (or ``""``)."""

    plan: str
    fingerprint: str
    signed_by: str
    signed_on: str
    path: Path

    def check_rows(self, digests: Mapping[str, str]) -> None:
        """Raise :class:`UsageError` unless the sheets are those that were written. ``digests``: what writing gave."""
        for name, digest in digests.items():
            if digest_text(sum(map(row_digest, _rows_of(self.path, name)))) != digest:
                raise UsageError(
                    f"{self.path}: the sheet {name} was changed since the plan was made, and such changes are not sent",
                    "Correct the source or rejected.xlsx instead, plan again, and have the new sign-off.xlsx signed.",
                )


def read_sign_off(path: Path) -> SignedOff:
    """Read who signed what. Raises :class:`UsageError` when it is no sign-off, or one that no plan belongs to."""
    known = dict(row[:2] for row in _rows_of(path, SHEET, header=0) if len(row) > 1)
    if FINGERPRINT not in known and PLAN not in known:
        raise UsageError(f"{path} is not a sign-off of a plan", "Give the sign-off.xlsx of a plan, or the plan's id.")
    if not known.get(FINGERPRINT):
        raise UsageError(
            f"{path} is the sign-off of a dry run, and only a plan can be sent",
            "Make a plan: importer plan SOURCE… -m MAPPING --api TARGET. It writes a sign-off.xlsx of its own.",
        )
    return SignedOff(
        known[PLAN], known[FINGERPRINT], known.get(SIGNED_BY, ""), known.get(SIGNED_ON, ""), path.absolute()
    )


def _rows_of(path: Path, name: str, header: int = 1) -> Iterator[list[str]]:
    """The rows of a sheet, and of those that it goes on in, as text."""
    import openpyxl  # noqa: PLC0415 - most commands do not need it

    try:
        book = openpyxl.load_workbook(path, read_only=True)
        try:
            pattern = re.compile(rf"{re.escape(name)}( \d+)?")
            for sheet in book.worksheets:
                if pattern.fullmatch(sheet.title):
                    for row in sheet.iter_rows(min_row=1 + header, values_only=True):
                        yield ["" if cell is None else str(cell) for cell in row]
        finally:
            book.close()
    except (OSError, BadZipFile, KeyError, ValueError, SyntaxError) as error:
        raise UsageError(f"{path} cannot be read as a workbook: {error}", _AGAIN) from error
