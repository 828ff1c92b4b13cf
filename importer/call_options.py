"""The options of the Python API as typed dictionaries: those of the command line, with underscores, and callbacks."""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypedDict

PathLike = str | os.PathLike[str]


class Callbacks(TypedDict, total=False):
    """Options that the command line does not have.

    ``counts`` is called with outcome → number of customers while customers are sent, ``began`` with the run's ID, and
    ``stage`` with the name of each step that takes a while. Setting ``stop`` ends the run as Ctrl-C does.
    """

    progress: Callable[[str], None]
    stop: threading.Event
    counts: Callable[[Mapping[str, int]], None]
    began: Callable[[str], None]
    stage: Callable[[str], None]


class Texts(TypedDict, total=False):
    """How files become tables."""

    country: str
    sheet: str
    encoding: str
    delimiter: str


class ReadOptions(Texts, total=False):
    """Options of :func:`importer.read`."""

    values: PathLike
    corrections: PathLike
    partial: bool


class SourceArguments(ReadOptions, Callbacks, total=False):
    """How the sources are read, and where the reports go."""

    out: PathLike
    invalid: str
    dedupe: Literal["off", "warn", "reject"]
    memory: int | str
    engine: str


class ForReader(TypedDict, total=False):
    """Who reads the report. ``contact``: to whom the corrected workbook is returned."""

    for_: Literal["owner", "operator"]
    contact: str


class PreviewOptions(SourceArguments, total=False):
    """Options of :func:`importer.preview`."""

    lookups: PathLike


class CheckOptions(SourceArguments, ForReader, total=False):
    """Options of :func:`importer.check`."""

    lookups: PathLike
    keep: int


class SuggestOptions(Texts, total=False):
    """Options of :func:`importer.suggest`."""

    answers: Mapping[str, str]
    from_scratch: bool
    targets: Mapping[str, str]
    skip: Mapping[str, Sequence[str]]


class ReportOptions(ForReader, total=False):
    """Options of :func:`importer.write_report`. ``out``: where the folders of checks and plans are."""

    ledger: PathLike
    tenant: str
    out: PathLike


class HistoryOptions(TypedDict, total=False):
    """Options of :func:`importer.runs`."""

    ledger: PathLike
    tenant: str


class Account(TypedDict, total=False):
    """Which account is used, and how fast requests are sent to the API."""

    ledger: PathLike
    tenant: str
    accept_key: bool
    api_key_file: PathLike
    rate: float | Literal["auto"]
    concurrency: int
    timeout: float
    max_wait: float | str


class ValuesOptions(ReadOptions, Account, Callbacks, total=False):
    """Options of :func:`importer.values`. ``decided``: (kind, word) → value."""

    lookups: PathLike
    decided: Mapping[tuple[str, str], str]


class SendArguments(Account, total=False):
    """How customers are sent."""

    confirm: Callable[[str], bool]
    yes: bool
    batch_size: int
    settle: float
    max_failed: int
    deadline: float | str
    keep: int


class PlanOptions(SourceArguments, ForReader, Account, total=False):
    """Options of :func:`importer.plan`."""

    mode: Literal["create", "upsert"]
    only: str | Sequence[str]
    recheck: bool
    keep: int


class RunOptions(SourceArguments, ForReader, SendArguments, total=False):
    """Options of :func:`importer.run`."""

    plan: str
    mode: Literal["create", "upsert"]
    on_conflict: Literal["report", "skip", "overwrite"]
    limit: int
    only: str | Sequence[str]
    max_rejected: int | str
    max_fewer: int | str
    max_changed: int | str
    max_age: float
    new_file: bool
    same_layout: bool
    strict: bool
    complete: bool


class AfterOptions(Account, Callbacks, total=False):
    """Options of :func:`importer.verify`. ``key``: the API key, as in :class:`Target`."""

    key: str


class ResumeOptions(AfterOptions, SendArguments, total=False):
    """Options of :func:`importer.resume`."""

    limit: int


class RetryOptions(AfterOptions, SendArguments, total=False):
    """Options of :func:`importer.retry`."""

    include_refused: bool


class UndoOptions(AfterOptions, total=False):
    """Options of :func:`importer.undo`."""

    confirm: Callable[[str], bool]
    yes: bool
    settle: float
    force: bool
