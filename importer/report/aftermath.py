"""What ``undo`` and ``verify`` say to a person, and what to do next."""

from collections.abc import Mapping
from typing import Any

from importer.report.terminal import Look, steps_block
from importer.report.text import wrapped

__all__ = ["aftermath_steps", "aftermath_text"]

_WORDS = {  # result → (what undo says of it, what verify does); those that are as they should be, in _WELL
    "deleted": ("deleted", ""),
    "deactivated": ("deleted; WizCommerce still shows them as inactive", ""),
    "absent": ("in doubt before: never created after all", ""),
    "ok": ("", "as they were sent"),
    "undone": ("", "taken back before, and not there"),
    "missing": ("", "not in WizCommerce any more"),
    "inactive": ("", "there, but inactive"),
    "changed": ("changed in WizCommerce since: left alone", "otherwise there than they were sent"),
    "duplicate": ("there more than once: left alone", "there more than once"),
    "failed": ("not deleted: no usable answer", "not looked at: no usable answer"),
    "unknown": ("still in doubt", "still in doubt"),
}
_WELL = frozenset({"deleted", "deactivated", "absent", "ok", "undone"})
_TONES = {0: "green", 1: "yellow"}  # by exit code; anything else is red


def aftermath_steps(summary: Mapping[str, Any]) -> list[str]:
    """What the user should do now, one sentence each; empty when nothing is left to do."""
    results, run, undo = summary["results"], summary["run_id"], summary["command"] == "undo"
    again = f"importer {summary['command']} {run}"
    steps = []
    if summary["left"]:
        steps.append(f"Go on from where it stopped: {again}")
    if results.get("failed") and not summary["left"]:
        steps.append(f"Try those again that gave no answer: {again}")
    if results.get("unknown"):
        steps.append(f"Settle what is in doubt: {again if undo else f'importer resume {run}'}")
    if results.get("duplicate"):
        steps.append("Delete all but one of those that are there more than once, in WizCommerce.")
    if results.get("changed") and undo:
        steps.append(f"Delete also what was changed since, if it may go: {again} --force")
    if not undo and (results.get("changed") or results.get("inactive")):
        steps.append("Look at what differs. A run with --mode upsert --on-conflict overwrite lets the source win.")
    if results.get("missing"):
        steps.append("See who deleted the missing ones. They are not made again by themselves.")
    return steps


def aftermath_text(summary: Mapping[str, Any], *, width: int, colour: bool, unicode: bool = True) -> str:
    """What an undo did, or a verification found, for a person, at most ``width`` columns wide.

    Commands and the file stand on lines of their own, never cut or wrapped.
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
    well = sum(count for name, count in results.items() if name in _WELL)
    if not total:
        what = f"Nothing of run {run} is left to delete" if undo else f"Run {run} put nothing there"
        return f"{_stop(summary)}{what}: {api}."
    whom = f"{'created' if undo else 'sent'} by run {run} to {api}"
    if summary["left"] or summary["stopped"]:
        done = total - summary["left"]
        return f"{_stop(summary)}{done:,} of {_customers(total)} {whom} {'was' if done == 1 else 'were'} looked at."
    end = "deleted" if undo else "there as sent"
    if well == total:
        return f"The one customer {whom} is {end}." if total == 1 else f"All {total:,} customers {whom} are {end}."
    return f"{well:,} of {_customers(total)} {whom} {'is' if well == 1 else 'are'} {end}."


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
