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


def planned_text(summary: Mapping[str, Any], width: int) -> str:
    """What a run would do with how many customers, and what the first updates change; empty when it is no plan."""
    plan = summary["plan"]
    if plan is None:
        return ""
    counts = {name: plan[name] for name in _WORDS if plan[name]}
    numbers = max((len(f"{count:,}") for count in counts.values()), default=0)
    lines = ["What a run would do now"]
    for name, count in counts.items():
        lines.append(f"  {count:>{numbers},}  {_WORDS[name]}")
        if name == "update":
            lines += [_example(example, width, numbers + 6) for example in plan["examples"]]
            if count > len(plan["examples"]):
                lines.append(" " * (numbers + 6) + "…: see changes.csv")
    return "\n".join(lines)


def _example(example: Mapping[str, Any], width: int, indent: int) -> str:
    more = f" and {example['more']:,} more" if example["more"] else ""
    text = f"{example['reference_id']}: {', '.join(example['fields'])}{more}"
    return textwrap.fill(text, width, initial_indent=" " * indent, subsequent_indent=" " * (indent + 2))
