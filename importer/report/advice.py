"""What a summary says to a person: the verdict, and what to do next."""

from collections.abc import Mapping
from typing import Any

__all__ = ["next_steps", "verdict"]

_DONE = {"created": "created", "updated": "updated", "unchanged": "unchanged", "exists": "there already"}
_OPEN = {
    "rejected": "rejected",
    "failed": "failed",
    "unknown": "in doubt, because the API's answer did not come",
    "pending": "not sent yet",
}


def verdict(summary: Mapping[str, Any]) -> str:
    """The run in one sentence or two, the most important thing first."""
    customers = summary["customers"]
    total = customers["read"]
    if summary["stopped"]:
        return f"Stopped early: {_sentence(summary['stopped'])} {_shares(customers, _DONE, total)}"
    if not total:
        return "No customers were found." + _loose_rows(summary)
    wrong = {name: customers.get(name, 0) for name in _OPEN if customers.get(name, 0)}
    if not wrong:
        return (_all_valid(total) if customers.get("valid") else _all_done(customers, total)) + _loose_rows(summary)
    parts = [f"{count:,} {_are(count)} {_OPEN[name]}" for name, count in wrong.items()]
    listed = _listed(parts)
    first, rest = listed.split(" ", 1)
    rest_right = sum(wrong.values()) < total and not _loose_rows(summary)
    tail = "; nothing else is wrong." if rest_right and set(wrong) == {"rejected"} else "."
    return f"{first} of {_customers(total)} {rest}{tail}{_loose_rows(summary)}"


def _all_valid(total: int) -> str:
    return "The one customer is valid." if total == 1 else f"All {total:,} customers are valid."


def _all_done(customers: Mapping[str, int], total: int) -> str:
    kinds = [name for name in _DONE if customers.get(name, 0)]
    if len(kinds) == 1:
        who = "The one customer was" if total == 1 else f"All {total:,} customers were"
        return f"{who} {_DONE[kinds[0]]}."
    return (
        f"All {total:,} customers are where they should be: {_listed([f'{customers[k]:,} {_DONE[k]}' for k in kinds])}."
    )


def _shares(customers: Mapping[str, int], names: Mapping[str, str], total: int) -> str:
    parts = [f"{customers[name]:,} {text}" for name, text in names.items() if customers.get(name, 0)]
    return f"Of {_customers(total)}, {_listed(parts) or 'none'} so far."


def _loose_rows(summary: Mapping[str, Any]) -> str:
    """Rejected rows are told of by themselves when no customer was rejected with them."""
    count = summary["rows"]["rejected"]
    if not count or summary["customers"].get("rejected", 0):
        return ""
    return f" {count:,} {'row was' if count == 1 else 'rows were'} rejected."


def next_steps(summary: Mapping[str, Any]) -> list[str]:
    """What the user should do now, one sentence each, the most urgent first; empty when nothing is left to do."""
    customers, command, run = summary["customers"], summary["command"], summary["run_id"]
    name = summary["mapping"]["name"]
    steps: list[str] = []
    if customers.get("unknown", 0):
        steps.append(
            f"importer resume {run}: looks up the {customers['unknown']:,} in doubt before sending anything again."
        )
    elif customers.get("pending", 0):
        steps.append(f"importer resume {run}: sends the remaining {customers['pending']:,}.")
    if summary["retryable"]:
        steps.append(
            f"importer retry {run}: sends the {summary['retryable']:,} again that failed for reasons that can pass."
        )
    if customers.get("rejected", 0) or summary["refused"] or summary["rows"]["rejected"]:
        steps.append(
            "Mend the rows in rejected/ (the column import_errors says what is wrong) and import those files with the "
            f"same mapping: -m {name}."
        )
    if summary["exit_code"] == 0 and command == "check":
        steps.append(f"importer plan … -m {name} --api sandbox: shows what a run would do.")
    if summary["exit_code"] == 0 and command == "plan":
        steps.append("importer run, with the same arguments: sends what the plan shows.")
    return steps


def _customers(count: int) -> str:
    return "1 customer" if count == 1 else f"{count:,} customers"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _listed(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
