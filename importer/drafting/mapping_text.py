"""A mapping as text: YAML as people write it, with short tables in braces and comments beside what they explain."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_WIDTH = 118
_PLAIN = re.compile(r"[^\W\d_][\w .()/&+°'\u2019.-]*[\w).°]|[^\W\d_]|\d[\d.]*\w*")
_SECTIONS = ("customer", "addresses", "contacts", "skip", "tables", "ignore", "attributes")
_SPECIAL = frozenset({"null", "~", "true", "false", "yes", "no", "on", "off", ""})


@dataclass(frozen=True)
class Noted:
    value: Any
    comment: str


def mapping_text(content: Mapping[str, Any], heading: Sequence[str]) -> str:
    """The text of a mapping. ``heading``: comments at the top; blank lines separate the sections."""
    lines = [f"# {one_line(line)}".rstrip() for line in heading]
    for key, value in content.items():
        section = list(_entry(key, value, 0))
        if len(section) > 1 or key in ("key", "customer"):
            lines.append("")
        lines += section
    return "\n".join(lines) + "\n"


def _entry(key: str, value: Any, depth: int) -> Iterator[str]:
    """The lines of ``key: value``."""
    value, note = _with_note(value)
    head = f"{' ' * depth}{scalar(key)}:"
    flow = None if _has_notes(value) or (key in _SECTIONS and value) else _flow(value)
    if flow is not None and len(head) + 1 + len(flow) <= _WIDTH:
        yield f"{head} {flow}{note}"
    elif isinstance(value, Mapping):
        yield head + note
        for name, own in value.items():
            yield from _entry(name, own, depth + 2)
    elif isinstance(value, list):
        yield head + note
        for item in value:
            yield from _item(item, depth + 2)
    else:
        yield f"{head} {scalar(value)}{note}"


def _with_note(value: Any) -> tuple[Any, str]:
    """A value, and its comment as it follows it."""
    if not isinstance(value, Noted):
        return value, ""
    return value.value, f"  # {one_line(value.comment)}" if value.comment else ""


def _has_notes(value: Any) -> bool:
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(isinstance(item, Noted) or _has_notes(item) for item in items)


def _item(item: Any, depth: int) -> Iterator[str]:
    """The lines of ``- item``."""
    item, note = _with_note(item)
    pad = " " * depth
    flow = None if _has_notes(item) else _flow(item)
    short = flow is not None and len(flow) + depth + 2 <= _WIDTH
    if not isinstance(item, Mapping) or (short and len(item) <= 3):
        yield f"{pad}- {_flow(item)}{note}"
        return
    first, *further = (line for name, own in item.items() for line in _entry(name, own, depth + 2))
    yield f"{pad}- {first[depth + 2 :]}{note}"
    yield from further


def _flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(name, flow=True)}: {_flow(own)}" for name, own in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return scalar(value, flow=True)


def scalar(value: Any, *, flow: bool = False) -> str:
    """A text, number, or answer; in quotes where YAML or the mapping language would read it otherwise."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    plain = (
        _PLAIN.fullmatch(text) is not None and text.lower() not in _SPECIAL and ": " not in text and " #" not in text
    )
    if plain and not (flow and "," in text):
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'" if '"' in text or "\\" in text else f'"{text}"'
    escaped = "".join(letter if letter.isprintable() and letter not in '"\\' else _escaped(letter) for letter in text)
    return f'"{escaped}"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"


def one_line(text: str) -> str:
    """Text for a comment: on one line, and nothing invisible."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
