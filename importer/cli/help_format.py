"""How ``--help`` looks: what a command does, its options in titled groups, and examples last."""

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

__all__ = ["Command", "Group", "split_help"]

_WIDEST = 24  # columns of names; texts begin in one column below each other


def split_help(docstring: str) -> dict[str, str]:
    """A docstring as Typer takes it: the ``help``, and the ``epilog`` from the examples on."""
    text, mark, examples = docstring.partition("\nExample")
    return {"help": text.strip(), "epilog": (mark + examples).strip()}


def _write_groups(command: Any, context: typer.Context, formatter: Any) -> None:
    """Write commands and options below their titles; what has none, such as ``--help``, comes last."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name, child in getattr(command, "commands", {}).items():
        title = getattr(child, "rich_help_panel", None) or "Commands"
        groups.setdefault(title, []).append((name, child.get_short_help_str(limit=200)))
    rest = "Options" if groups else ""
    for param in command.get_params(context):
        record = param.get_help_record(context)
        title = getattr(param, "rich_help_panel", None) or rest or next(reversed(groups), "Options")
        if record is not None:
            groups.setdefault(title, []).append((_names(param), record[1]))
    widest = max(len(name) for rows in groups.values() for name, _ in rows if len(name) <= _WIDEST)
    for title, rows in groups.items():
        with formatter.section(title):
            formatter.write_dl([(name.ljust(widest), text) for name, text in rows], col_max=widest)


def _names(param: Any) -> str:
    """``-m, --mapping NAME``, ``--[no-]new-file``, or the word for an argument."""
    if param.param_type_name == "argument":
        return str(param.metavar)
    names = ", ".join(sorted(param.opts, key=len))
    if param.secondary_opts:
        names = names.replace("--", "--[no-]", 1)
    return names if param.is_flag else f"{names} {param.metavar or param.type.name.upper()}"


def _write_examples(text: str | None, formatter: Any) -> None:
    """Examples keep their lines."""
    if text:
        formatter.write_paragraph()
        formatter.write("".join(f"{line}\n" for line in text.splitlines()))


class Command(TyperCommand):
    """A command with its help in groups."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options in their groups."""
        _write_groups(self, ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - as in the base class
        """Write the examples."""
        _write_examples(self.epilog, formatter)


class Group(TyperGroup):
    """A command that has others, in groups as well."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write options and commands in their groups."""
        _write_groups(self, ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - as in the base class
        """Write the examples."""
        _write_examples(self.epilog, formatter)
