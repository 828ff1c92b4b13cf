"""The bodies of a run on disk, and what a stage must remember for its reports."""

from dataclasses import replace
from datetime import datetime

import pandas as pd

from importer.loader import public_source
from importer.mapping import LoadedMapping
from importer.payload import write_payloads
from importer.pipeline.prepare import Timings
from importer.report.files import whole_file
from importer.runfolder import RunFolder, Stage
from importer.settings import Options

__all__ = ["with_facts", "write_bodies"]


def write_bodies(folder: RunFolder, stage: Stage, *, unresolved: bool, hashed: bool) -> pd.DataFrame:
    """Write ``payloads.jsonl``: the bodies of all customers that are not rejected; comes back where each stands."""
    with whole_file(folder.payloads) as file:
        return write_payloads(stage.tables, ~stage.rejected, file, unresolved_lookups=unresolved, hashed=hashed)


def with_facts(
    stage: Stage, command: str, started: datetime, loaded: LoadedMapping, options: Options, timings: Timings
) -> Stage:
    """The stage with what its reports say about the run: plain values that JSON can hold."""
    return replace(
        stage,
        facts={
            "command": command,
            "started": started.isoformat(),
            "mapping": loaded.name,
            "mapping_sha256": loaded.sha256,
            "options": {
                "sources": [public_source(source) for source in options.sources],
                "mapping": options.mapping,
                **options.public(),
            },
            "timings": dict(timings.seconds),
        },
    )
