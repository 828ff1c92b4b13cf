"""The files that a run writes for people and programs: results, errors, rejected rows, summary.

``ReportInput`` goes in; every ``write_…`` leaves a whole file or none, readable by its owner only.
"""

from importer.report.advice import import_command, undo_verify_steps
from importer.report.html import write_html
from importer.report.preview_text import preview_text
from importer.report.rejected import write_rejected
from importer.report.rejected_workbook import Workbook, choose_rows, write_workbook
from importer.report.report_input import ReportInput, loose_rows, totals
from importer.report.results import write_errors, write_results
from importer.report.summary import RunFacts, build_summary, write_summary
from importer.report.terminal import runs_text, summary_text, undo_verify_text

__all__ = [
    "ReportInput",
    "RunFacts",
    "Workbook",
    "build_summary",
    "choose_rows",
    "import_command",
    "loose_rows",
    "preview_text",
    "runs_text",
    "summary_text",
    "totals",
    "undo_verify_steps",
    "undo_verify_text",
    "write_errors",
    "write_html",
    "write_rejected",
    "write_results",
    "write_summary",
    "write_workbook",
]
