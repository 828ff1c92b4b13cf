"""What ``undo`` and ``verify`` report to a person, and what to do next."""

from collections.abc import Mapping
from typing import Any

from importer.report.terminal import Look, steps_block
from importer.report.text_width import wrapped

__all__ = ["undo_verify_steps", "undo_verify_text"]

_WORDS = {  # result → (what undo says, what verify says)
    "deleted": ("deleted", ""),
    "deactivated": ("deleted; WizCommerce still shows them as inactive", ""),
    "restored": ("updates taken back", ""),
    "absent": ("not sent after all: the request had no effect", ""),
    "ok": ("", "as they were sent"),
    "undone": ("", "taken back"),
    "not_taken_back": ("not taken back, or only in part: the file gives the reasons", ""),
    "missing": ("", "not in WizCommerce any more"),
    "inactive": ("", "inactive"),
    "changed": ("changed in WizCommerce since: left as they are", "different from what was sent"),
    "duplicate": ("in WizCommerce more than once: left as they are", "in WizCommerce more than once"),
    "failed": ("could not be taken back: the file gives the reasons", "could not be read: the file gives the reasons"),
    "unknown": ("not known yet", "not known yet"),
}
_ALL_WELL = frozenset({"deleted", "deactivated", "restored", "absent", "ok", "undone"})
_TONES = {0: "green", 1: "yellow"}  # by exit code; anything else is red


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
        steps.append(f"Settle what is not known yet: {again if undo else f'importer resume {run}'}")
    if results.get("duplicate"):
        steps.append("Delete all but one of the customers that are in WizCommerce more than once.")
    if results.get("changed") and undo:
        steps.append(f"To take back also what was changed since, and lose those changes: {again} --force")
    if results.get("not_taken_back"):
        steps.append("Change in WizCommerce what could not be taken back, where that matters.")
    if not undo and (results.get("changed") or results.get("inactive")):
        steps.append("Look at what differs. A run with --mode upsert --on-conflict overwrite lets the source win.")
    if results.get("missing"):
        steps.append("Find out who deleted the missing ones. The importer does not create them again by itself.")
    return steps


def undo_verify_text(summary: Mapping[str, Any], *, width: int, colour: bool, unicode: bool = True) -> str:
    """What an undo did, or a verification found, for a person, at most ``width`` columns wide.

    Commands and the file are on lines of their own, never cut or wrapped.
    """
    look = Look(max(width, 40), colour, unicode)
    tone = _TONES.get(summary["exit_code"], "red")
    head = [look.painted(line, "bold", tone) for line in wrapped(_verdict(summary), look.width)]
    blocks = [head, _counts(summary, look), steps_block(summary, look)]
    blocks.append([look.painted("Each customer in ", "bold") + f"{summary['folder']}/{summary['files'][0]}"])
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _verdict(summary: Mapping[str, Any]) -> str:
    results, total, undo = summary["results"], summary["customers"], summary["command"] == "undo"
    run, api = summary["run_id"], summary["api"]
    well = sum(count for name, count in results.items() if name in _ALL_WELL)
    if not total:
        what = f"Nothing of run {run} is left to take back" if undo else f"Run {run} sent nothing"
        return f"{_stop(summary)}{what}: {api}."
    which = f"{'created or updated' if undo else 'sent'} by run {run} at {api}"
    if summary["left"] or summary["stopped"]:
        done = total - summary["left"]
        return f"{_stop(summary)}{done:,} of {_customers(total)} {which} {'was' if done == 1 else 'were'} looked at."
    end = "taken back" if undo or results.get("undone", 0) == well else "as expected"
    if well == total:
        return f"The one customer {which} is {end}." if total == 1 else f"All {total:,} customers {which} are {end}."
    return f"{well:,} of {_customers(total)} {which} {'is' if well == 1 else 'are'} {end}."


def _stop(summary: Mapping[str, Any]) -> str:
    return f"Stopped early: {summary['stopped'].rstrip('.')}. " if summary["stopped"] else ""


def _customers(count: int) -> str:
    return "1 customer" if count == 1 else f"{count:,} customers"


def _counts(summary: Mapping[str, Any], look: Look) -> list[str]:
    column = 0 if summary["command"] == "undo" else 1
    lines = [(count, _WORDS[name][column]) for name, count in summary["results"].items()]
    lines += [(summary["left"], "not looked at yet")] if summary["left"] else []
    numbers = max((len(f"{count:,}") for count, _ in lines), default=0)
    indent = " " * (numbers + 4)
    return [
        line
        for count, words in lines
        for line in wrapped(words, look.width, first=f"  {count:>{numbers},}  ", rest=indent)
    ]
