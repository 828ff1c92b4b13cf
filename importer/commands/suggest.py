"""``suggest``: a draft of a mapping for a file that has none."""

from collections.abc import Mapping
from pathlib import Path

from importer.drafting.column_choices import NO_CHOICES, ColumnChoices
from importer.drafting.draft import Draft, draft_sources
from importer.drafting.mapping_text import updated_mapping
from importer.errors import OutputError
from importer.mapping.language.mapping_files import load_mapping
from importer.report.report_files import whole_file
from importer.settings import Options
from importer.tables import Sources
from importer.workflow.open_sources import open_unmapped


def suggest(
    options: Options,
    answers: Mapping[str, str] | None = None,
    *,
    sources: Sources | None = None,
    from_scratch: bool = False,
    choices: ColumnChoices = NO_CHOICES,
) -> Draft:
    """Draft a mapping for the sources. Nothing is written.

    ``answers``: ID of a question → choice. ``sources``: the sources, if they have already been read. ``from_scratch``:
    do not look for an included mapping that fits. ``choices``: what was chosen for individual columns. Raises
    :class:`importer.errors.InputError` if no draft is possible.
    """
    tables = open_unmapped(options) if sources is None else sources
    return draft_sources(tables, options.country, dict(answers or {}), recognize=not from_scratch, choices=choices)


def update(options: Options, mapping: str, *, sources: Sources) -> tuple[str, list[str]]:
    """The text of a mapping, adapted to the columns of the sources, and a line about each change.

    Comments and everything else stay as they are. Raises what :func:`suggest` raises.
    """
    return updated_mapping(load_mapping(mapping), sources, options.country)


def write_mapping(text: str, path: Path, *, replace: bool = False) -> None:
    """Write a mapping, completely or not at all. Raises :class:`OutputError` if it exists or cannot be written.

    ``replace``: an existing file is replaced and keeps its permissions.
    """
    if path.exists() and not replace:
        raise OutputError(f"{path}: this file already exists", "Use another name, or delete the file first.")
    if not path.parent.is_dir():
        raise OutputError(
            f"{path}: cannot be written, because the folder {path.parent} does not exist", "Create it first."
        )
    mode = path.stat().st_mode if replace else None
    target = path.resolve()  # the file itself if the path is a link
    with whole_file(target, "--output") as file:
        file.write(text.encode())
    if mode is not None:
        target.chmod(mode)
