"""``report.html``: the report for people, one file that needs nothing else."""

from importer.report.html.page import write_html

__all__ = ["write_html"]
