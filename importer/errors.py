"""Every exception of the importer, grouped by what the user can do about it.

A fault in a *record* is a value (:class:`importer.records.Problem`); a fault that stops the *job* is an exception.
An :class:`InputError` ends with exit code 2: fix the command, the source, or the mapping, and run again. All others end
with 3: a :class:`StopError` says whether to resume; an :class:`InternalError` is a bug in the program.
"""

from collections.abc import Sequence
from typing import ClassVar


class ImporterError(Exception):
    """The base class. ``message`` says what is wrong and where; ``hint`` says what to do next (may be empty)."""

    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    @property
    def in_one_line(self) -> str:
        """The message and the hint on one line."""
        stop = "" if self.message.endswith((".", "!", "?")) else "."
        return " ".join((f"{self.message}{stop} {self.hint}" if self.hint else self.message).split())


class InputError(ImporterError):
    """The user can fix this before anything is sent."""

    exit_code = 2


class UsageError(InputError):
    """An option or argument is wrong or missing."""


class OptionError(UsageError):
    """An option has a value that is not valid; ``place`` says where it was given, such as a flag or a key of a file."""

    def __init__(self, option: str, value: object, hint: str, place: str = "") -> None:
        place = place or f"--{option.rstrip('_').replace('_', '-')}"
        super().__init__(f"{place}: {value!r:.80} is not valid", hint)
        self.option = option
        self.value = value

    def found_in(self, place: str) -> "OptionError":
        """The same error for a value that was not set by a flag but at ``place``."""
        return OptionError(self.option, self.value, self.hint, place)


class NoLedgerError(UsageError):
    """The ledger does not exist, and the command only reads from it."""


class SourceError(InputError):
    """A source cannot be found, opened or understood."""


class NoSourceError(SourceError):
    """A source is not there, or there is nothing in it."""


class MappingError(InputError):
    """The mapping file is wrong, or does not fit the source.

    ``faults``: the place (``file:line``, or ``""``) and the description of each fault in a mapping file.
    """

    def __init__(self, message: str, hint: str = "", faults: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message, hint)
        self.faults = tuple(faults) or (("", message),)


class OutputError(InputError):
    """The output folder or the run's folder cannot be used."""


class StopError(ImporterError):
    """The run ended before every customer had an outcome."""


class KeyRefusedError(StopError):
    """The API answered 401 or 403: nothing more is sent with this key."""


class ApiUnavailableError(StopError):
    """The API cannot be reached, or returns nothing usable, for longer than the run is allowed to wait."""


class GuardError(StopError):
    """A limit that the user set was exceeded; nothing (more) is sent."""


class TenantLockedError(StopError):
    """Another run of this tenant is under way."""


class LedgerError(StopError):
    """The ledger cannot be opened, read or written."""


class InterruptedRunError(StopError):
    """The user or the scheduler asked to stop."""


class InternalError(ImporterError):
    """The importer contradicts itself: a bug in the program, never a problem with the data."""
