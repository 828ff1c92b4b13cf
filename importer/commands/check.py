"""``check``: the dry run. It does everything that does not need the network."""

from collections.abc import Callable
from typing import Any

from importer.partitions.prepared_sources import prepared
from importer.records import OutcomeKind
from importer.report.report_input import Reader
from importer.report.summary import RunEnd
from importer.run_folder import RunFolder, new_run_id
from importer.settings import Commands, Options
from importer.workflow.directory import load_lookups
from importer.workflow.old_folders import prune_checks
from importer.workflow.open_sources import with_dates
from importer.workflow.report_writer import exit_code, unsent_outcomes, with_facts, write_reports
from importer.workflow.timings import Timings, utc_now


def check(
    options: Options,
    *,
    began: Callable[[str], None] = lambda _: None,
    notify: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Load, map, and validate; write the reports and the bodies that would be sent. Returns the summary.

    Without ``options.lookups``, the bodies contain names that a run would look up. ``notify`` gets a message for each
    folder that ``options.keep`` deleted.

    Raises :class:`importer.errors.InputError` if a source, the mapping, or the output directory cannot be used.
    """
    started = utc_now()
    options = with_dates(options, started)
    lookups = None if options.lookups is None else load_lookups(options.lookups)
    timings = Timings(began=began)
    with prepared(options, timings, hashed=False) as work:
        stage = work.validate(None if lookups is None else lookups.directory)
        folder = RunFolder.create(options.out, new_run_id(started))
        with timings.stage("payloads"):
            work.write_bodies(folder)
        stage = with_facts(stage, "check", started, work.loaded, options, timings)
        outcomes = unsent_outcomes(stage, OutcomeKind.VALID)
        folder.save(stage)
        described = None if lookups is None else lookups.described(started)
        reader = Reader(options.for_, options.contact)
        end = RunEnd(exit_code(stage, outcomes), utc_now(), lookups=described, reader=reader)
        timings.began("Writing the reports")
        summary = write_reports(folder, stage, outcomes, None, end, Commands.of(options), work.executor)
    if options.keep is not None:
        prune_checks(folder.path, work.loaded.name, options.keep, notify)
    return summary
