"""What a summary says to a person: the verdict, and what to do next."""

import shlex
from collections.abc import Mapping
from typing import Any

__all__ = ["import_command", "next_steps", "verdict"]

_DONE = {"created": "created", "updated": "updated", "unchanged": "unchanged", "exists": "there already"}
_OPEN = {  # for one customer, for several
    "rejected": ("was rejected", "were rejected"),
    "failed": ("failed", "failed"),
    "unknown": ("is in doubt, because no answer came", "are in doubt, because no answer came"),
    "pending": ("was not sent yet", "were not sent yet"),
}


def verdict(summary: Mapping[str, Any]) -> str:
    """The run in one sentence or two, the most important thing first."""
    customers = summary["customers"]
    total = customers["read"]
    if summary["adopted"] and not summary["stopped"]:
        return _adopted(summary["adopted"], total)
    if summary["stopped"]:
        return f"Stopped early: {_sentence(summary['stopped'])} {_shares(customers)}"
    remarks = _remarks(summary)
    if not total:
        return " ".join(["No customers were found.", *remarks])
    wrong = {name: customers.get(name, 0) for name in _OPEN if customers.get(name, 0)}
    if not wrong:
        return " ".join([_all_valid(total) if customers.get("valid") else _all_done(customers), *remarks])
    (first, count), *others = wrong.items()
    text = f"{count:,} of {_customers(total)} {_OPEN[first][count != 1]}"
    text = _listed([text, *(f"{count:,} {_OPEN[name][count != 1]}" for name, count in others)])
    only_rejected = set(wrong) == {"rejected"} and wrong["rejected"] < total and not remarks
    return " ".join([text + ("; nothing else is wrong." if only_rejected else "."), *remarks])


def _adopted(found: Mapping[str, Any], total: int) -> str:
    known = found["same"] + found["differ"] + found["known"]
    differing = f", {found['differ']:,} with other content than the source has" if found["differ"] else ""
    text = f"The ledger knows {known:,} of {_customers(total)} now{differing}."
    return f"{text} {found['twice']:,} are in WizCommerce more than once." if found["twice"] else text


def _all_valid(total: int) -> str:
    return "The one customer is valid." if total == 1 else f"All {total:,} customers are valid."


def _all_done(customers: Mapping[str, int]) -> str:
    total = customers["read"]
    kinds = [name for name in _DONE if customers.get(name, 0)]
    if len(kinds) == 1:
        return f"{'The one customer was' if total == 1 else f'All {total:,} customers were'} {_DONE[kinds[0]]}."
    parts = [f"{customers[name]:,} {_DONE[name]}" for name in kinds]
    return f"All {total:,} customers are where they should be: {_listed(parts)}."


def _shares(customers: Mapping[str, int]) -> str:
    """Where the customers of a run stand that ended early."""
    said = {name: (f"was {text}", f"were {text}") for name, text in _DONE.items()} | _OPEN
    counts = {name: customers.get(name, 0) for name in said if customers.get(name, 0)}
    parts = [f"{count:,} {said[name][count != 1]}" for name, count in counts.items()]
    return f"Of {_customers(customers['read'])}, {_listed(parts)}." if parts else ""


def _remarks(summary: Mapping[str, Any]) -> list[str]:
    """What the customers' outcomes do not tell: rows that never became a customer, and children left out."""
    rows, lost = summary["rows"]["rejected_alone"], summary["lost_child"]
    remarks = []
    if rows:
        remarks.append(
            f"{rows:,} {'row belongs' if rows == 1 else 'rows belong'} to no customer and could not be used."
        )
    if lost:
        remarks.append(f"From {_customers(lost)} a wrong address or contact was left out.")
    if lookups := summary["lookups"]:
        remarks.append(f"Names were looked up in what {lookups['api']} had {_ago(lookups['age_seconds'])}.")
    return remarks


def _ago(seconds: int) -> str:
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        count = seconds // length
        if count:
            return f"{count:,} {unit}{'' if count == 1 else 's'} ago"
    return "a moment ago"


def next_steps(summary: Mapping[str, Any]) -> list[str]:
    """What the user should do now, one sentence each, the most urgent first; empty when nothing is left to do.

    A command is the end of a sentence, after a colon, and names only what it is about: :class:`Commands` completes it.
    """
    customers, command, run = summary["customers"], summary["command"], summary["run_id"]
    steps: list[str] = []
    if summary["adopted"]:
        steps += _after_adopting(summary["adopted"])
    elif not summary["resumable"]:
        if command == "run" and customers.get("pending", 0):
            steps.append("Nothing was sent. Once that is fixed, run it again: importer run")
    elif customers.get("unknown", 0):
        count = _customers(customers["unknown"])
        steps.append(f"Look up {count} in doubt before anything is sent again: importer resume {run}")
    elif customers.get("pending", 0):
        steps.append(f"Send the remaining {customers['pending']:,}: importer resume {run}")
    if summary["retryable"]:
        count = _customers(summary["retryable"])
        steps.append(f"Send again {count} that failed for reasons that can pass: importer retry {run}")
    if summary["rows"]["rejected"] or summary["refused"] or summary["lost_child"]:
        steps += _fixing(summary)
    if summary["exit_code"] == 0 and command == "check":
        steps.append("See what a run would do: importer plan --api sandbox")
    if command == "plan" and (summary["plan"]["create"] or summary["plan"]["update"]):
        steps.append(f"Send exactly what the plan shows, once: importer run --plan {run}")
    return steps


def _after_adopting(found: Mapping[str, Any]) -> list[str]:
    steps = []
    if found["in_doubt"]:
        steps.append(f"Resume the run that left {found['in_doubt']:,} in doubt; the history names it: importer runs")
    if found["unread"]:
        steps.append("Go on; what is known by now is not asked for again: importer adopt")
    if found["differ"] or found["absent"]:
        steps.append("See what the next run would send: importer plan --mode upsert")
    return steps


def _fixing(summary: Mapping[str, Any]) -> list[str]:
    """What to do with the rejected rows: in the workbook, and in the CSV files where that does not hold them all."""
    book, folder, steps = summary["workbook"], summary["folder"], []
    upsert = summary["rows"]["rejected_alone"] > 0
    if book is not None:
        command = import_command(summary["command"], f"{folder}/rejected.xlsx", upsert=upsert)
        steps.append(f"Fix the colored cells of rejected.xlsx (a note on each says how) and import it again: {command}")
    if book is None or book["left_out"]:
        which = f"the {book['left_out']:,} rows that are not in it" if book else "the rows"
        command = import_command(summary["command"], f"{folder}/rejected", upsert=upsert)
        steps.append(
            f"Fix {which} in rejected/ (the column import_errors says what is wrong) and import them again: {command}"
        )
    return steps


def import_command(command: str, file: str, *, upsert: bool) -> str:
    """The command that imports a fixed ``file``, by the command that found it; :class:`Commands` completes it.

    ``upsert``: rows are in it that may turn out to belong to customers who were sent, and have to be changed then.
    """
    again = "check" if command == "check" else "run"
    mode = ["--mode", "upsert"] if upsert and again == "run" else []
    return shlex.join(["importer", again, file, "--partial", *mode])


def _customers(count: int) -> str:
    return "1 customer" if count == 1 else f"{count:,} customers"


def _listed(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
