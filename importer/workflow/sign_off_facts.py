"""The content of ``sign-off.xlsx`` for a check or a plan, from its report, its summary, and the files in its folder."""

from collections.abc import Iterator, Mapping
from typing import Any

from importer.report.correction_list import OWNER_TITLES, corrections_in_force
from importer.report.html.figures import pending_fields
from importer.report.html.shown_customers import read_changes
from importer.report.report_input import Reader, ReportInput
from importer.report.sign_off import FINGERPRINT, PLAN, SignOff, sent_fields, write_sign_off
from importer.report.word_counts import DECISIONS, names_of_ids
from importer.run_folder import RunFolder
from importer.tables import ENTITIES

_PLANNED = {
    "create": "will be created",
    "update": "will be updated: only what differs is sent",
    "none": "stays as it is in WizCommerce: nothing is sent",
}
_EXPLAINED = (
    "These are the customers as WizCommerce will receive them. Please look through the other sheets.",
    "Do not change any data in this workbook. To change a value, correct it in your list, or in rejected.xlsx.",
)
_SIGN = "If everything is right, fill in your name and the date below, save this workbook, and send it back{to}."
_DRY = "This workbook is from a check, so it is for review only. To get one that can be signed, make a plan."
_COUNTS = {
    "create": "Will be created",
    "update": "Will be updated",
    "unchanged": "Unchanged since they were sent",
    "exists": "Already in WizCommerce: stay as they are",
    "left_out": "Not sent this time",
    "in_doubt": "Outcome unknown: looked up first",
    "lost": "No longer in WizCommerce",
}


def save_sign_off(
    folder: RunFolder, report: ReportInput, summary: Mapping[str, Any], fingerprint: str | None, reader: Reader
) -> None:
    """Write the workbook into the folder, and the digests that later show whether it was changed.

    ``fingerprint``: a digest of what a plan sends; None for a dry run. Raises :class:`OutputError`.
    """
    to = f" to {reader.contact}" if reader.contact else ""
    planned = fingerprint is not None
    changes = read_changes(folder.file("changes.csv"))
    more: dict[str, Any] = {
        "Corrections": (OWNER_TITLES, corrections_in_force(report)),
        "Values": (("Field", "In your list", "In WizCommerce", "Count"), _values(report)),
    }
    if changes is not None:
        titles = ("Customer ID", "Field", "In WizCommerce", "In your list", "Location")
        lines = zip(*(column.to_pylist() for column in changes.columns), strict=True)
        more["Changes"] = (titles, ([text or "" for text in line] for line in lines))
    digests = write_sign_off(
        folder.file("sign-off.xlsx"),
        SignOff(
            explained=(*_EXPLAINED, _SIGN.format(to=to) if planned else _DRY),
            facts=_facts(summary, fingerprint),
            fields=sent_fields({entity: report.tables.frame(entity) for entity in ENTITIES}),
            payloads=folder.payloads,
            actions=_actions(report, planned=planned),
            more=more,
            names={one: f"{name} ({one})" for one, name in names_of_ids(report.word_counts).items()},
            fill_in=planned,
        ),
    )
    folder.save_digests(digests)


def _actions(report: ReportInput, *, planned: bool) -> Iterator[str]:
    for action, rejected in zip(report.outcomes["action"], report.rejected.tolist(), strict=True):
        if not rejected:
            yield _PLANNED[action] if planned else "valid"


def _facts(summary: Mapping[str, Any], fingerprint: str | None) -> list[tuple[str, str]]:
    customers, plan = summary["customers"], summary["plan"] or {}
    rejected = customers.get("rejected", 0)
    return [
        ("Prepared", summary["started"].replace("T", " ").replace("Z", " UTC")),
        ("Your list", ", ".join(source["name"] for source in summary["sources"])),
        ("Customers in your list", f"{customers['read']:,}"),
        *((words, f"{plan[name]:,}") for name, words in _COUNTS.items() if plan.get(name)),
        ("Rejected", f"{rejected:,}: not sent, and not in this workbook; see rejected.xlsx" if rejected else "none"),
        ("Rows without a customer", f"{summary['rows']['rejected_alone']:,}"),
        (PLAN, summary["run_id"] if fingerprint else f"none: a dry run ({summary['run_id']})"),
        (FINGERPRINT, fingerprint or ""),
    ]


def _values(report: ReportInput) -> Iterator[tuple[str, ...]]:
    """All words of the list, with what is sent for them; the most frequent come first."""
    pending = pending_fields(report.located)
    for decision in DECISIONS:
        own = "looked up when sent" if decision.field in pending else "unchanged"
        counts = report.word_counts.get(decision.field)
        for line in [] if counts is None else counts.sort_by([("count", "descending")]).to_pylist():
            if line["words"] is not None:
                sent = {"": own, None: "not sent"}.get(line["sent"], line["sent"])
                yield decision.title, line["words"], sent, f"{line['count']:,}"
