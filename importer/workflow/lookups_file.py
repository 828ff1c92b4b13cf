"""The file of ``lookups save``: what names are looked up in, so that a check can resolve them without a network."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from importer.errors import UsageError
from importer.report.report_files import whole_file
from importer.tables import ENTITIES
from importer.workflow.directory import Directory
from importer.workflow.resolve_lookups import NAMES

__all__ = ["Snapshot", "load_lookups", "write_lookups"]

HINT = "Save it again: importer lookups save --api TARGET --to FILE."


@dataclass(frozen=True)
class Snapshot:
    """The file's content: whose lookups they are (``api`` is a host) and when they were saved."""

    format: Literal["importer lookups 1"]
    api: str
    saved: AwareDatetime
    directory: Directory

    def told(self, now: datetime) -> dict[str, Any]:
        """What a summary says of it."""
        saved = self.saved.isoformat(timespec="seconds").replace("+00:00", "Z")
        return {"api": self.api, "saved": saved, "age_seconds": max(0, int((now - self.saved).total_seconds()))}


_FILE = TypeAdapter(Snapshot)


def write_lookups(path: Path, snapshot: Snapshot) -> None:
    """Write the file, for its owner's eyes only. Raises :class:`OutputError`."""
    with whole_file(path) as file:
        file.write(orjson.dumps(_FILE.dump_python(snapshot, mode="json"), option=orjson.OPT_INDENT_2))


def load_lookups(path: Path) -> Snapshot:
    """What :func:`write_lookups` wrote. Raises :class:`UsageError` for any other file."""
    try:
        snapshot = _FILE.validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: the lookups cannot be read: {error.strerror}", HINT) from error
    except ValidationError as error:
        raise UsageError(f"{path} is no file of `importer lookups save`, or not whole", HINT) from error
    if snapshot.directory.known.keys() != NAMES.keys() or snapshot.directory.attributes.keys() != set(ENTITIES):
        raise UsageError(f"{path} is no file of `importer lookups save`, or not whole", HINT)
    return snapshot
