"""``report.html``: the report for people, a self-contained file."""
