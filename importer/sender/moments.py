"""The API's own times of a customer's last change."""

from datetime import datetime
from typing import Any

__all__ = ["moved_on"]


def moved_on(taken: str | None, now: Any) -> bool | None:
    """Whether a customer changed since the API took a body; None where the times do not tell."""
    try:
        before, after = (datetime.fromisoformat(moment) for moment in (taken or "", now))
    except (TypeError, ValueError):
        return None  # not told in a way that can be read: what was sent is all there is to compare
    return after > before if (before.tzinfo is None) == (after.tzinfo is None) else None
