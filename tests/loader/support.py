"""Writes small sources and reads them back."""

from pathlib import Path
from typing import Any

from importer.loader import LoadOptions, load
from importer.tables import Sources, SourceTable


def write(path: Path, text: str | bytes, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def options(*columns: str, **more: Any) -> LoadOptions:
    return LoadOptions(columns=(frozenset(columns),) if columns else (), **more)


def sources(*paths: Path, using: LoadOptions | None = None) -> Sources:
    return load([str(path) for path in paths], using or LoadOptions())


def table(path: Path, using: LoadOptions | None = None) -> SourceTable:
    (only,) = sources(path, using=using).tables
    return only


def cells(source: SourceTable) -> list[list[str]]:
    """Header and rows."""
    return [list(source.frame.columns), *source.frame.to_numpy().tolist()]


def skipped(source: SourceTable) -> list[tuple[int, str]]:
    return list(zip(source.skipped["row"], source.skipped["reason"], strict=True))


def problems(found: Sources) -> list[tuple[str, str, str]]:
    return [(str(problem.severity), problem.code, str(problem.location)) for problem in found.problems]
