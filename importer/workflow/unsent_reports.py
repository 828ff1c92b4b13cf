"""The reports of a check or a plan again, from what its folder keeps."""

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from importer.report.reader import Reader
from importer.report.report_files import read_csv
from importer.run_folder import RunFolder
from importer.settings import Commands, Options
from importer.workflow.report_writer import COLUMNS, UNSENT, RunEnd, write_reports


def unsent_folder(out: Path, name: str) -> RunFolder | None:
    """The folder of the check or plan of that id below ``out``, or at that path; None if it is neither."""
    for folder in (RunFolder(path) for path in (out / name, Path(name))):
        try:
            command = json.loads(folder.file("summary.json").read_bytes())["command"]
        except (OSError, ValueError, KeyError):
            continue
        return folder if command in UNSENT else None
    return None


def report_unsent(folder: RunFolder, options: Options, reader: Reader) -> dict[str, Any]:
    """Write the reports of a check or a plan again, for this reader. Returns the summary.

    Raises :class:`OutputError` when what it kept for them is gone.
    """
    stage, last = folder.load(), json.loads(folder.file("summary.json").read_bytes())
    stage = replace(stage, facts={**stage.facts, "timings": last["timings"]})
    saved = folder.load_plan()
    end = RunEnd(
        last["exit_code"],
        datetime.fromisoformat(last["finished"]),
        plan=last["plan"],
        lookups=last["lookups"],
        imported_before=last["imported_before"],
        reader=reader,
        fingerprint=None if saved is None else saved[1].get("fingerprint"),
    )
    kept = stage.facts["options"]
    commands = Commands.of(options, run=folder.run_id, out=folder.path.parent.absolute(), kept=kept)
    outcomes = read_csv(folder.file("results.csv"))[["reference_id", *COLUMNS]]
    return write_reports(folder, stage, outcomes, None, end, commands)
