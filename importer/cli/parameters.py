"""Every option of the command line: its group in the help, its text, and how commands declare it.

Values are read and checked by :class:`importer.settings.Options`, which also has their defaults. Each option can also
be set as ``IMPORTER_<OPTION>`` or in the file of ``--config``.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from importer.cli.given_options import Given, read_file
from importer.settings.options import PACE, Options

Taker = TypeVar("Taker", bound=Callable[..., None])

# Group → option → the word for its value (``""`` for a flag) and its text. The help has the same order.
_TEXTS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Source": {
        "sources": ("SOURCE", "Files, globs, folders, or URLs of the export (CSV, Excel)."),
        "run": ("RUN", "A run's ID. Default: the latest run."),
        "plan": (
            "PLAN",
            "Apply this plan once: sign-off.xlsx, or its folder or ID. The plan includes source, mapping, and API.",
        ),
        "customer": ("ID", "Show the customer with this reference ID."),
        "row": ("FILE:N", "Show what happens to this source row, such as customers.csv:5 or book.xlsx!Sheet1:5."),
        "replace": ("", "Where corrections contradict each other, the later one wins."),
        "removed": ("", "Also record the rows that you deleted, so that later runs skip them."),
        "partial": ("", "The file is only part of the export: do not report the rest as missing."),
        "sheet": ("NAME", "Only this sheet of a workbook."),
        "encoding": ("NAME", "The files' encoding. Overrides detection."),
        "delimiter": ("CHAR", "The files' delimiter. Overrides detection."),
    },
    "Mapping": {
        "mapping": ("NAME", "A mapping's name (see: importer mappings) or path."),
        "invalid": (
            "blank=FIELDS",
            "Leave out invalid values of these optional fields. Example: --invalid blank=phone,email.",
        ),
        "country": ("CC", "Default country (two-letter code) for phone numbers and addresses without a country."),
        "dedupe": ("POLICY", "Likely duplicates (same company and address): off, warn, or reject."),
        "lookups": (
            "FILE",
            "Look up names in a file saved with `importer lookups save`, without contacting WizCommerce.",
        ),
        "values": ("FILE", "A value table that maps your values to WizCommerce's (see: importer values)."),
        "corrections": ("FILE", "Apply the corrections in this file (see: importer correct)."),
    },
    "Questions": {},  # for commands that define their own options for questions
    "Target": {
        "api": ("TARGET", "sandbox (a local test API), staging, production, or a URL."),
        "api_key_file": ("FILE", "File with the API key. Default: the variable WIZCOMMERCE_API_KEY."),
        "ledger": ("URL", "The ledger, which records what was sent: a file or a postgresql://… URL."),
        "tenant": ("NAME", "A name for the account in the ledger. Default: derived from host and key."),
        "accept_key": ("", "Accept a new API key for this account."),
    },
    "Sending": {
        "yes": ("", "Do not ask: go ahead, and take the suggested answer where there is a choice."),
        "mode": (
            "MODE",
            "create: add new customers, and leave existing ones alone; upsert: also update the ones that changed.",
        ),
        "on_conflict": (
            "POLICY",
            "With --mode upsert: report, skip, or overwrite customers changed in WizCommerce after the last import.",
        ),
        "limit": ("N", "Send only the first N customers; the rest remain unsent."),
        "only": ("ID", "Only the customer with this reference ID. Can be repeated."),
        "include_refused": ("", "Also resend customers that WizCommerce refused."),
        "recheck": ("", "Also check whether customers sent before still exist."),
        "rate": ("N", "At most this many requests per second. auto: adapt to the API."),
    },
    "Guards": {
        "strict": ("", "Stop without sending anything if anything is rejected."),
        "complete": ("", "Stop without sending anything if filled cells are not used."),
        "max_rejected": ("N|N%", "Stop without sending anything if more than N customers or rows are rejected."),
        "max_fewer": (
            "N|N%",
            "Stop without sending anything if the number of customers drops by more than N since the last run.",
        ),
        "max_changed": ("N|N%", "Stop without sending anything if more than N customers would change."),
        "max_age": ("HOURS", "Stop without sending anything if a file is older than this."),
        "new_file": (
            "",
            "Stop without sending anything if the files are the same as in the last run (--no-new-file: do not check).",
        ),
        "same_layout": (
            "",
            (
                "Stop without sending anything if the columns or the mapping have changed since the last run "
                "(--no-same-layout: do not check)."
            ),
        ),
        "max_failed": ("N", "Stop when this many customers have failed."),
        "deadline": ("TIME", "Stop after this much time in total, such as 90m or 2h."),
        "max_wait": ("TIME", "Stop if the API asks to wait longer than this."),
        "force": ("", "Also undo customers that were changed in WizCommerce after the run; those changes are lost."),
    },
    "Output": {
        "out": ("FOLDER", "The folder for runs, with their reports and temporary files."),
        "for_": ("READER", "Who report.html is for: owner (of the data) or operator."),
        "contact": ("TEXT", "Who gets the corrected workbook back, such as a name and an email address."),
        "json": ("", "Print the result as JSON."),
        "quiet": ("", "No progress or notices on stderr; errors are still shown."),
        "keep": (
            "N",
            "Delete older folders of runs, plans, and checks, except the latest N of each and unfinished runs.",
        ),
        "log": ("FILE", "Append JSON lines to this file; - is stderr."),
        "log_level": ("LEVEL", "debug, info, warning, or error."),
        "log_personal": ("", "Also log customers' personal data and the API's messages about them."),
    },
    "Advanced": {
        "config": ("PATH", "A TOML file with options, or (for run) a folder of such files, one per job."),
        "parallel": ("N", "How many jobs at once when --config is a folder; never two for one account."),
        "concurrency": ("N", "At most this many requests at once."),
        "batch_size": ("N", "Customers per checkpoint in the ledger."),
        "timeout": ("SECONDS", "How long to wait for one response."),
        "settle": ("SECONDS", "How long a new customer may take to appear in searches before it counts as absent."),
        "memory": ("SIZE", "Process the data in chunks that fit in this much memory, such as 1GiB."),
        "engine": ("URL", "Work on a Dask cluster: dask://HOST:PORT, or dask for a local one."),
    },
}
_FORMS = {
    "mapping": ("--mapping", "-m"),
    "yes": ("--yes", "-y"),
    "quiet": ("--quiet", "-q"),
    "new_file": ("--new-file/--no-new-file",),
    "same_layout": ("--same-layout/--no-same-layout",),
}
_SHOWN = {"rate": "auto", "memory": "auto", "max_wait": "15m"}  # defaults in a form for people
_DEFAULTS = {item.name: item.default for item in fields(Options)}

ACCOUNT = ("ledger", "tenant", "accept_key", "api_key_file")
SENDING = (*ACCOUNT, *PACE, "batch_size", "settle", "max_failed", "deadline", "keep", "yes")
TEXTS = ("sheet", "encoding", "delimiter", "partial")
READING = ("country", "invalid", "values", "corrections", *TEXTS, "dedupe", "memory", "engine", "out")
LOG = ("log", "log_level", "log_personal", "json", "quiet", "config")
_WIDEST = 24  # maximum width of the names; all texts begin in the same column


def _as_it_is(given: Any) -> Any:
    """Leave the value as it is, because :class:`Options` reads all values, wherever they come from."""
    return given


def _parameter(group: str, name: str, takes: str, text: str) -> inspect.Parameter:
    default = _SHOWN.get(name, _DEFAULTS.get(name))
    if takes and name not in {"api", "mapping", "ledger"} and isinstance(default, str | int | float | Path):
        text += f" Default: {default:g}." if isinstance(default, float) else f" Default: {default}."
    shared: dict[str, Any] = {
        "help": text,
        "metavar": takes or None,
        "envvar": f"IMPORTER_{name.upper().rstrip('_')}",
        "show_envvar": False,
        "show_default": False,
        "rich_help_panel": group,
    }
    forms = _FORMS.get(name, (f"--{name.rstrip('_').replace('_', '-')}",))
    kind: Any = str | None
    if name == "sources":
        kind, made = list[str] | None, typer.Argument(**shared)
    elif name == "run":
        made = typer.Argument(**{**shared, "envvar": None})
    elif name == "config":
        kind, made = Given | None, typer.Option(*forms, parser=Path, callback=read_file, is_eager=True, **shared)
    elif name == "only":
        kind, made = list[str] | None, typer.Option(*forms, **shared)
    elif takes:
        made = typer.Option(*forms, parser=_as_it_is, **shared)
    else:
        kind, made = bool, typer.Option(*forms, **shared)
    given = Annotated[kind, made]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None if takes else False, annotation=given)


def own(group: str, takes: str | None, text: str, *forms: str, **more: Any) -> Any:
    """An option that only one command has. Typer reads its value."""
    variable = f"IMPORTER_{forms[0].partition('/')[0].strip('-').replace('-', '_').upper()}"
    return typer.Option(
        *forms, metavar=takes, help=text, envvar=variable, show_envvar=False, rich_help_panel=group, **more
    )


def takes(
    *names: str, required: Iterable[str] = (), under: Mapping[str, str] | None = None
) -> Callable[[Taker], Taker]:
    """Add these options and arguments to a command as keyword arguments (``**given``). If omitted, they are None.

    ``under``: option → its group in this command's help, if that differs.
    """
    known, moved = {*names, *required}, under or {}
    parameters = [
        item.replace(default=item.empty) if name in required else item
        for group, options in _TEXTS.items()
        for name, (takes_, text) in options.items()
        if name in known
        for item in [_parameter(moved.get(name, group), name, takes_, text)]
    ]

    def decorate(command: Taker) -> Taker:
        own = [part for part in inspect.signature(command).parameters.values() if part.kind is not part.VAR_KEYWORD]
        command.__signature__ = inspect.Signature([*own, *parameters])  # type: ignore[attr-defined]  # where Typer looks
        return command

    return decorate


def split_help(command: Callable[..., None]) -> dict[str, Any]:
    """A command's docstring as arguments for Typer: ``help``, and ``epilog``, which begins with the examples."""
    text, mark, examples = (inspect.getdoc(command) or "").partition("\nExample")
    return {"help": text.strip(), "epilog": (mark + examples).strip()}


def _write_groups(command: Any, context: typer.Context, formatter: Any) -> None:
    """Write commands and options below their titles. Those without a title, such as ``--help``, come last."""
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
    order = {title: place for place, title in enumerate(_TEXTS)}
    for title, rows in sorted(groups.items(), key=lambda group: order.get(group[0], -1)):
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


class _Grouped:
    """Help in groups, and examples that keep their lines."""

    epilog: str | None

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _write_groups(self, ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - as in the base class
        if self.epilog:
            formatter.write_paragraph()
            formatter.write("".join(f"{line}\n" for line in self.epilog.splitlines()))


class Command(_Grouped, TyperCommand):
    """A command with its help in groups."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The parts of the ``Usage`` line, without the braces that Typer puts around required arguments."""
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]


class CommandGroup(_Grouped, TyperGroup):
    """A command that has subcommands, with its help in groups."""
