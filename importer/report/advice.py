"""What a summary says to a person: the headline, and what to do next."""

import re
import shlex
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from importer.records import Severity
from importer.wording import all_of, counted, first_few, listed

_UNDO_VERIFY_FINE = frozenset({"deleted", "deactivated", "restored", "absent", "ok", "undone"})
_DONE = {"created": "created", "updated": "updated", "unchanged": "unchanged", "exists": "already in WizCommerce"}
_NAMED = 5  # columns in a headline
_OPTION = re.compile(r"^(--[^:]+): ")  # a stop that an option caused begins with the option
_A_CHILD = {"addresses": "an address", "contacts": "a contact"}
_UNKNOWN = "may or may not have been created, because WizCommerce did not respond"
_OPEN = {  # for one customer, for several
    "rejected": ("was rejected", "were rejected"),
    "failed": ("failed", "failed"),
    "unknown": (_UNKNOWN, _UNKNOWN),
    "pending": ("was not sent yet", "were not sent yet"),
}


def headline(summary: Mapping[str, Any]) -> str:
    """The result of the run in a few sentences, the most important one first."""
    customers = summary["customers"]
    total = customers["read"]
    if summary["adopted"] and not summary["stopped"]:
        return _adopted(summary["adopted"], total)
    if summary["stopped"]:
        return _stop(summary) + _shares(customers)
    remarks = _remarks(summary)
    if not total:
        return " ".join(["No customers were found.", *remarks])
    wrong = {name: customers.get(name, 0) for name in _OPEN if customers.get(name, 0)}
    if not wrong:
        return " ".join([_all_done(customers), *remarks])
    (first, count), *others = wrong.items()
    who = "The only customer" if total == 1 else f"{count:,} of {_customers(total)}"
    text = f"{who} {_OPEN[first][count != 1]}"
    text = listed([text, *(f"{count:,} {_OPEN[name][count != 1]}" for name, count in others)])
    doubtful = any(problem["severity"] == Severity.WARNING for problem in summary["problems"])
    only_rejected = set(wrong) == {"rejected"} and wrong["rejected"] < total and not remarks and not doubtful
    return " ".join([text + ("; there are no other problems." if only_rejected else "."), *remarks])


def _adopted(found: Mapping[str, Any], total: int) -> str:
    known = found["same"] + found["differ"] + found["known"]
    differing = f"; {counted(found['differ'], 'differs', 'differ')} from the source" if found["differ"] else ""
    text = f"The ledger now has {known:,} of {_customers(total)}{differing}."
    return f"{text} {found['twice']:,} are in WizCommerce more than once." if found["twice"] else text


def _all_done(customers: Mapping[str, int]) -> str:
    total = customers["read"]
    every, one = all_of(total, "customer"), total == 1
    if customers.get("valid"):
        return f"{every} {'is' if one else 'are'} valid."
    kinds = [name for name in _DONE if customers.get(name, 0)]
    if len(kinds) == 1:
        return f"{every} {'was' if one else 'were'} {_DONE[kinds[0]]}."
    parts = [f"{customers[name]:,} {_DONE[name]}" for name in kinds]
    return f"{every} are in WizCommerce: {listed(parts)}."


def _shares(customers: Mapping[str, int]) -> str:
    """What happened to the customers of a run that ended early."""
    words = {name: (f"was {text}", f"were {text}") for name, text in _DONE.items()} | _OPEN
    counts = {name: customers.get(name, 0) for name in words if customers.get(name, 0)}
    parts = [f"{count:,} {words[name][count != 1]}" for name, count in counts.items()]
    return f"Of {_customers(customers['read'])}, {listed(parts)}." if parts else ""


def _remarks(summary: Mapping[str, Any]) -> list[str]:
    """What the customers' outcomes do not say: rows without a customer, and children that were left out."""
    rows, lost = summary["rows"]["rejected_alone"], summary["lost_child"]
    remarks = []
    if rows:
        remarks.append(f"{counted(rows, 'row does', 'rows do')} not belong to any customer and could not be used.")
    if lost:
        remarks.append(lost_children(lost))
    if before := summary["imported_before"]:
        remarks.append(_imported_before(before, summary["customers"]["rejected"]))
    if (since := summary["since"]) and not since["problems"]:
        remarks.append(f"No new problems since run {since['run_id']}.")
    if (corrections := summary["corrections"]) and corrections["stale"]:
        stale = ("correction is stale and was", "corrections are stale and were")
        remarks.append(f"{counted(corrections['stale'], *stale)} not applied.")
    if invalid := summary["options"].get("invalid"):
        left_out = counted(summary["cells"]["left_out"], "value was", "values were")
        remarks.append(f"{left_out} left out (--invalid {invalid}).")
    remarks += [*summary["causes"], *unused_data(summary)]
    if lookups := summary["lookups"]:
        remarks.append(f"Names were looked up in a copy of {lookups['api']} saved {_ago(lookups['age_seconds'])}.")
    return remarks


def lost_children(count: int) -> str:
    """One sentence that says how many customers are sent without an invalid address or contact."""
    return f"{counted(count, 'customer has', 'customers have')} an invalid address or contact, which was left out."


def _imported_before(before: Mapping[str, Any], rejected: int) -> str:
    """``All 66 were imported on Nov 12, 2026, and stay as they are.``"""
    count = before["customers"]
    first, last = (datetime.fromisoformat(before[name]).date() for name in ("first", "last"))
    when = f"on {_day(first)}," if first == last else f"between {_day(first)} and {_day(last)},"
    who = f"{count:,} of them" if count < rejected else f"All {count:,}" if count > 2 else "Both" if count > 1 else "It"
    one = count == 1
    return f"{who} {'was' if one else 'were'} imported {when} and {'stays as it is' if one else 'stay as they are'}."


def _day(day: date) -> str:
    return f"{day:%b} {day.day}, {day.year}"


def unused_data(summary: Mapping[str, Any]) -> list[str]:
    """Sentences about the data in the source that is neither sent nor left out on purpose."""
    columns = summary["columns"]
    unused = [line["column"] for line in columns if "unused" in line["categories"]]
    unclaimed = {
        line["column"]: line["categories"]["unclaimed"] for line in columns if "unclaimed" in line["categories"]
    }
    said = []
    if unused:
        verb = "is" if len(unused) == 1 else "are"
        names = first_few(unused, _NAMED)
        missing = [name for kind, name in _A_CHILD.items() if not summary[kind]]
        text = f"; no customer has {listed(missing, 'or')}" if missing else ""
        said.append(f"{len(unused):,} of {len(columns):,} filled columns {verb} not used: {names}{text}")
    if unclaimed:
        count = sum(unclaimed.values())
        names = first_few(list(unclaimed.items()), _NAMED, text=lambda pair: f"{pair[0]} ({pair[1]:,})")
        cells = counted(count, "filled cell is", "filled cells are")
        their = "its column" if count == 1 else "their columns"
        said.append(f"{cells} not sent, although the mapping uses {their}: {names}")
    return [f"{text}." for text in said]


def _ago(seconds: int) -> str:
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        count = seconds // length
        if count:
            return f"{counted(count, unit)} ago"
    return "a moment ago"


def next_steps(summary: Mapping[str, Any]) -> list[str]:
    """What the user should do now, one sentence each, the most urgent first; empty when nothing is left to do.

    A command ends its sentence, after a colon. It lacks the options of the run, which :class:`Commands` adds.
    """
    customers, run = summary["customers"], summary["run_id"]
    steps: list[str] = []
    unsent = summary["command"] == "run" and not summary["resumable"] and customers.get("pending", 0)
    if summary["adopted"]:
        steps += _after_adopting(summary["adopted"])
    elif unsent:
        steps.append(_starting_over(summary))
    elif summary["resumable"] and customers.get("unknown", 0):
        count = _customers(customers["unknown"])
        steps.append(f"Look up {count} whose outcome is unknown before sending again: importer resume {run}")
    elif summary["resumable"] and customers.get("pending", 0):
        steps.append(f"Send the remaining {customers['pending']:,}: importer resume {run}")
    if summary["retryable"]:
        count = _customers(summary["retryable"])
        steps.append(f"Retry {count} that failed for a temporary reason: importer retry {run}")
    since = summary["since"]
    found = summary["problems"] if since is None else since["problems"]
    words = sum(problem["count"] for problem in found if problem["code"] == "word_unknown")
    if words:
        which = counted(words, "unknown value")
        steps.append(f"Map {which} once for all records, in the table that `importer values` writes.")
    wrong = summary["rows"]["rejected"] or summary["refused"] or summary["lost_child"]
    if wrong and found and not unsent:  # otherwise, importing only the rejected rows would leave out all the others
        steps += _fixing(summary)
    return [*steps, *_about_corrections(summary), *_before_sending(summary)]


def _starting_over(summary: Mapping[str, Any]) -> str:
    """How to begin again after a run that sent nothing and cannot be resumed."""
    if summary["options"].get("plan"):
        return "Nothing was sent. Make a new plan, review it, and run it: importer plan"
    option = _OPTION.match(summary["stopped"] or "")
    cause = "problem in your system or mapping" if option else "problem"
    other = f", or change the option {option[1].split()[0]}" if option else ""
    return f"Nothing was sent. Fix the {cause}{other}. Then run again: importer run"


def _before_sending(summary: Mapping[str, Any]) -> list[str]:
    """What to look at, and how to continue, while nothing has been sent yet."""
    command, run = summary["command"], summary["run_id"]
    steps = []
    if any("unused" in line["categories"] for line in summary["columns"]):
        steps.append(
            "Look at the columns that are not used (in the Columns section of report.html). Add the ones that matter "
            "to the mapping, and list the rest under `ignore`."
        )
    if summary["cells"]["unclaimed"]:
        steps.append(
            "Look at the filled cells that are not sent, although the mapping uses their columns (cell_unclaimed in "
            "errors.csv). If they matter, correct their rows or the conditions in the mapping."
        )
    if summary["exit_code"] == 0 and command == "check":
        steps.append("See what a run would do: importer plan --api sandbox")
    if command == "plan" and (summary["plan"]["create"] or summary["plan"]["update"]):
        steps.append(f"Send exactly what the plan shows: importer run --plan {run}")
    return steps


def _after_adopting(found: Mapping[str, Any]) -> list[str]:
    steps = []
    if found["in_doubt"]:
        steps.append(
            f"Resume the run that left {_customers(found['in_doubt'])} with an unknown outcome. "
            "Find it in the history: importer runs"
        )
    if found["unread"]:
        steps.append(
            "Continue where it stopped. Customers that are already known are not requested again: importer adopt"
        )
    if found["differ"] or found["absent"]:
        steps.append("See what the next run would send: importer plan --mode upsert")
    return steps


def _fixing(summary: Mapping[str, Any]) -> list[str]:
    """What to do with the rejected rows: in the workbook, and in the CSV files if it does not hold them all."""
    book, folder, steps = summary["workbook"], summary["folder"], []
    upsert = summary["rows"]["rejected_alone"] > 0
    verb = "check" if summary["command"] == "check" else "import"
    if book is not None:
        command = import_command(summary["command"], f"{folder}/rejected.xlsx", upsert=upsert)
        steps.append(
            f"Fix the colored cells in rejected.xlsx (their notes say how), save it, and {verb} the workbook: {command}"
        )
        steps.append(f"Apply these fixes to future exports too: {_recording(summary)}")
    if book is None or book["left_out"]:
        which = f"the {book['left_out']:,} rows that are not in it" if book else "the rows"
        command = import_command(summary["command"], f"{folder}/rejected", upsert=upsert)
        steps.append(
            f"Fix {which} in rejected/ (the import_errors column says what is wrong), and {verb} them: {command}"
        )
    return steps


def _recording(summary: Mapping[str, Any]) -> str:
    to = summary["options"].get("corrections", "corrections.csv")
    return shlex.join(["importer", "correct", f"{summary['folder']}/rejected.xlsx", "--to", to])


def _about_corrections(summary: Mapping[str, Any]) -> list[str]:
    """What to do with the corrections that were not applied. Stale ones are mentioned only if some are newly stale."""
    corrections, since = summary["corrections"], summary["since"]
    if corrections is None:
        return []
    steps = []
    if corrections["stale"] if since is None else since["stale"]:
        steps.append("See in corrections.csv why corrections are stale. Fix the cells again, or delete their lines.")
    if corrections["removable"] and since is None:
        steps.append("You may delete the removable corrections: the source already has the corrected value.")
    return steps


def import_command(command: str, file: str, *, upsert: bool) -> str:
    """The command that imports a fixed ``file`` after ``command`` rejected its rows; :class:`Commands` completes it.

    ``upsert``: the file has rows that may belong to customers already sent, which must then be updated.
    """
    again = "check" if command == "check" else "run"
    mode = ["--mode", "upsert"] if upsert and again == "run" else []
    return shlex.join(["importer", again, file, "--partial", *mode])


def undo_verify_steps(summary: Mapping[str, Any]) -> list[str]:
    """What the user should do now, one sentence each; empty when nothing is left to do."""
    results, run, undo = summary["results"], summary["run_id"], summary["command"] == "undo"
    again = f"importer {summary['command']} {run}"
    steps = []
    if summary["left"]:
        steps.append(f"Continue where it stopped: {again}")
    if results.get("failed") and not summary["left"]:
        steps.append(f"See the reasons in {summary['files'][0]}, then try again: {again}")
    if results.get("unknown"):
        steps.append(f"Look up the outcomes that are still unknown: {again if undo else f'importer resume {run}'}")
    if results.get("duplicate"):
        steps.append("Delete all but one of the customers that are in WizCommerce more than once.")
    if results.get("changed") and undo:
        steps.append(f"To also undo what was changed since then, and lose those changes: {again} --force")
    if results.get("not_taken_back"):
        steps.append("Change in WizCommerce what could not be undone, if needed.")
    if not undo and (results.get("changed") or results.get("inactive")):
        steps.append("See the differences. A run with --mode upsert --on-conflict overwrite sends the source's data.")
    if results.get("missing"):
        steps.append("Find out why customers are missing. The importer does not create them again on its own.")
    return steps


def undo_verify_headline(summary: Mapping[str, Any]) -> str:
    """What an undo did, or what a verification found, in one or two sentences."""
    results, total, undo = summary["results"], summary["customers"], summary["command"] == "undo"
    run, api = summary["run_id"], summary["api"]
    well = sum(count for name, count in results.items() if name in _UNDO_VERIFY_FINE)
    if not total:
        what = f"at {api} has nothing left to undo" if undo else f"sent nothing to {api}"
        return f"{_stop(summary)}Run {run} {what}."
    which = f"{'created or updated by' if undo else 'of'} run {run} at {api}"
    if summary["left"] or summary["stopped"]:
        done = total - summary["left"]
        return f"{_stop(summary)}{done:,} of {_customers(total)} {which} {'was' if done == 1 else 'were'} checked."
    if undo or 0 < results.get("undone", 0) == well:
        who = {1: "1 customer", 2: "both customers"}.get(total, f"all {total:,} customers")
        return f"Run {run} at {api} was undone for {who if well == total else f'{well:,} of {_customers(total)}'}."
    if well == total:
        return f"{all_of(total, 'customer')} {which} {'is' if total == 1 else 'are'} as expected."
    return f"{well:,} of {_customers(total)} {which} {'is' if well == 1 else 'are'} as expected."


def _stop(summary: Mapping[str, Any]) -> str:
    text = _OPTION.sub(r"Stopped early because of \1: ", summary["stopped"] or "")
    end = "" if text.endswith((".", "!", "?")) else "."
    return f"{text if text.startswith('Stopped') else f'Stopped early: {text}'}{end} " if text else ""


def _customers(count: int) -> str:
    return counted(count, "customer")
