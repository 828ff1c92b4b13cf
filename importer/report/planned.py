"""What a plan says to a person."""

import textwrap
from collections.abc import Mapping
from typing import Any

__all__ = ["planned_text"]

_WORDS = {
    "create": "to create",
    "update": "to update",
    "exists": "already there",
    "unchanged": "unchanged",
    "in_doubt": "in doubt: looked up before anything is sent",
    "lost": "lost: sent before, and not in WizCommerce any more",
    "left_out": "left out by --only",
    "rejected": "rejected",
}


_ADOPTED = {
    "same": "in WizCommerce as the source has them",
    "differ": "in WizCommerce with other content",
    "absent": "not in WizCommerce",
    "twice": "in WizCommerce more than once",
    "unread": "not compared",
    "known": "known to the ledger before",
    "in_doubt": "in doubt since an earlier run",
    "left_out": "left out by --only",
    "rejected": "rejected",
}


def planned_text(summary: Mapping[str, Any], width: int) -> str:
    """What a run would do with how many customers, or how many an adoption found how; with the first that differ.

    Empty when it is neither.
    """
    if summary["plan"] is not None:
        return _text("What a run would do now", summary["plan"], _WORDS, width)
    if summary["adopted"] is not None:
        return _text("What was found", summary["adopted"], _ADOPTED, width)
    return ""


def _text(head: str, plan: Mapping[str, Any], words: Mapping[str, str], width: int) -> str:
    counts = {name: plan[name] for name in words if plan[name]}
    numbers = max((len(f"{count:,}") for count in counts.values()), default=0)
    lines = [head]
    for name, count in counts.items():
        lines.append(f"  {count:>{numbers},}  {words[name]}")
        if name in {"update", "differ"}:
            lines += [_example(example, width, numbers + 6) for example in plan["examples"]]
            if count > len(plan["examples"]):
                lines.append(" " * (numbers + 6) + "…: see changes.csv")
    return "\n".join(lines)


def _example(example: Mapping[str, Any], width: int, indent: int) -> str:
    more = f" and {example['more']:,} more" if example["more"] else ""
    text = f"{example['reference_id']}: {', '.join(example['fields'])}{more}"
    return textwrap.fill(text, width, initial_indent=" " * indent, subsequent_indent=" " * (indent + 2))
