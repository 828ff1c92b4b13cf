"""The files that a run leaves for people and programs: results, errors, rows to mend, summary.

``ReportInput`` goes in; every ``write_…`` leaves a whole file or none, readable by its owner only.
"""

from importer.report.counts import totals
from importer.report.model import ReportInput
from importer.report.places import locate_problems, rows_text
from importer.report.rejected import write_rejected
from importer.report.results import write_errors, write_results
from importer.report.summary import RunFacts, build_summary, write_summary
from importer.report.terminal import summary_text

__all__ = [
    "ReportInput",
    "RunFacts",
    "build_summary",
    "locate_problems",
    "rows_text",
    "summary_text",
    "totals",
    "write_errors",
    "write_rejected",
    "write_results",
    "write_summary",
]
