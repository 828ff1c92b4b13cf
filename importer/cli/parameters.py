"""The options that commands share. Each can also be set as ``IMPORTER_<OPTION>`` or in the file of ``--config``."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from importer.cli.configured import Given, read_file
from importer.settings import Options

__all__ = [
    "ACCOUNT",
    "DISPATCH",
    "GUARDS",
    "OUTPUT",
    "PACE",
    "PARTS",
    "READING",
    "UPDATING",
    "AcceptKey",
    "AnyApi",
    "AnyMapping",
    "AnySources",
    "Api",
    "BatchSize",
    "Concurrency",
    "Config",
    "Country",
    "Deadline",
    "Dedupe",
    "Delimiter",
    "Encoding",
    "Force",
    "IncludeRefused",
    "Json",
    "Keep",
    "KeyFile",
    "Ledger",
    "Limit",
    "Log",
    "LogLevel",
    "LogPersonal",
    "Lookups",
    "MappingName",
    "MaxAge",
    "MaxChanged",
    "MaxFailed",
    "MaxFewer",
    "MaxRejected",
    "MaxWait",
    "Mode",
    "NewFile",
    "OnConflict",
    "Only",
    "Out",
    "Parallel",
    "Partial",
    "Plan",
    "Quiet",
    "Rate",
    "Recheck",
    "Run",
    "SameLayout",
    "Settle",
    "Sheet",
    "Sources",
    "Strict",
    "Tenant",
    "Timeout",
    "Yes",
    "takes",
]  # fmt: skip

FILES = "What is read"
SENDING = "How it is sent"
STOPS = "What stops a run"
RESULTS = "What comes out"


def _flag(*names: str, text: str, panel: str, **more: Any) -> Any:
    env = "IMPORTER_" + names[0].partition("/")[0].lstrip("-").replace("-", "_").upper()
    return typer.Option(*names, help=text, envvar=env, show_envvar=False, rich_help_panel=panel, **more)


def _as_it_is(given: Any) -> Any:
    """An option's value is read by :class:`Options`, wherever it comes from."""
    return given


def _option(*names: str, text: str, panel: str, metavar: str = "TEXT") -> Any:
    return _flag(*names, text=text, panel=panel, metavar=metavar, parser=_as_it_is)


_SOURCES = typer.Argument(
    metavar="SOURCE…", help="Files, globs or folders of the export (CSV, Excel).", envvar="IMPORTER_SOURCES",
    show_envvar=False,
)  # fmt: skip
_MAPPING = _option("--mapping", "-m", text="A mapping's name (see: importer mappings) or its path.", panel=FILES)
_API = _option(
    "--api", text="sandbox, staging, production, or a URL. sandbox is a local server.", panel=SENDING, metavar="TARGET"
)

Sources = Annotated[list[str], _SOURCES]
MappingName = Annotated[str, _MAPPING]
Api = Annotated[str, _API]
# Where something else may bring them.
AnySources = Annotated[list[str] | None, _SOURCES]
AnyMapping = Annotated[str | None, _MAPPING]
AnyApi = Annotated[str | None, _API]
Country = Annotated[
    str | None,
    _option("--country", text="Default country of phones and addresses, such as US.", panel=FILES, metavar="CC"),
]
Sheet = Annotated[str | None, _option("--sheet", text="Only this sheet of a workbook.", panel=FILES)]
Encoding = Annotated[
    str | None, _option("--encoding", text="The files' encoding, if it is not found by itself.", panel=FILES)
]
Delimiter = Annotated[
    str | None, _option("--delimiter", text="The files' delimiter, if it is not found by itself.", panel=FILES)
]
Dedupe = Annotated[
    str,
    _option(
        "--dedupe",
        text="Likely duplicates (same company and address, different ids): off, warn or reject.",
        panel=FILES,
        metavar="off|warn|reject",
    ),
]
Partial = Annotated[
    bool, _flag("--partial", text="The files are a subset; missing customers are not reported.", panel=FILES)
]
Config = Annotated[
    Given | None,
    typer.Option(
        "--config",
        parser=Path,
        metavar="FILE",
        help="A TOML file with options, named as here; of `importer run`, also a folder of such files: each is a job.",
        envvar="IMPORTER_CONFIG",
        show_envvar=False,
        callback=read_file,
        is_eager=True,
        rich_help_panel=FILES,
    ),
]
Parallel = Annotated[
    int,
    _option(
        "--parallel",
        text="With a folder of jobs: so many at once, never two of one account.",
        panel=RESULTS,
        metavar="N",
    ),
]
Out = Annotated[Path, _option("--out", text="The folder for reports.", panel=RESULTS, metavar="FOLDER")]
Json = Annotated[bool, _flag("--json", text="Print the summary as one JSON object.", panel=RESULTS)]
Quiet = Annotated[bool, _flag("--quiet", "-q", text="No progress and no messages on stderr.", panel=RESULTS)]

Keep = Annotated[
    int | None,
    _option(
        "--keep",
        text="Afterwards, delete the folders of this account's runs but for the latest N; never unfinished ones.",
        panel=RESULTS,
        metavar="N",
    ),
]
Log = Annotated[
    str | None,
    _option("--log", text="Append JSON lines to this file; - is stderr.", panel=RESULTS, metavar="FILE|-"),
]
LogLevel = Annotated[
    str, _option("--log-level", text="The least that is logged.", panel=RESULTS, metavar="debug|info|warning|error")
]
LogPersonal = Annotated[
    bool, _flag("--log-personal", text="Log also who customers are and what the API says of them.", panel=RESULTS)
]
KeyFile = Annotated[
    Path | None,
    _option(
        "--api-key-file",
        text="A file with the API key, else WIZCOMMERCE_API_KEY is read.",
        panel=SENDING,
        metavar="FILE",
    ),
]
Ledger = Annotated[
    str | None,
    _option(
        "--ledger",
        text="The import history: a file or postgresql://… Default: $XDG_STATE_HOME/importer/ledger.db.",
        panel=SENDING,
        metavar="URL",
    ),
]
Tenant = Annotated[
    str | None, _option("--tenant", text="A name for the account, instead of host and key.", panel=SENDING)
]
AcceptKey = Annotated[bool, _flag("--accept-key", text="This tenant's key was changed on purpose.", panel=SENDING)]
Rate = Annotated[
    str,
    _option("--rate", text="At most so many requests a second; auto finds the pace.", panel=SENDING, metavar="N|auto"),
]
Concurrency = Annotated[
    int, _option("--concurrency", text="At most so many requests at once.", panel=SENDING, metavar="N")
]
BatchSize = Annotated[
    int, _option("--batch-size", text="Customers per checkpoint in the ledger.", panel=SENDING, metavar="N")
]
Timeout = Annotated[
    float, _option("--timeout", text="Seconds to wait for one answer.", panel=SENDING, metavar="SECONDS")
]
MaxWait = Annotated[
    float,
    _option(
        "--max-wait",
        text="Stop when the API asks for a longer wait, such as 15m or 2h; `importer resume` goes on.",
        panel=STOPS,
        metavar="TIME",
    ),
]
Settle = Annotated[
    float,
    _option("--settle", text="How many seconds a listing may lag behind a create.", panel=SENDING, metavar="SECONDS"),
]
Limit = Annotated[
    int | None,
    _option("--limit", text="Send the first N customers only; the rest stays pending.", panel=SENDING, metavar="N"),
]
Only = Annotated[
    list[str] | None,
    _flag("--only", text="Send this reference id only (may be repeated).", panel=SENDING, metavar="ID"),
]
MaxFailed = Annotated[
    int | None,
    _option("--max-failed", text="Stop when so many customers have failed.", panel=STOPS, metavar="N"),
]
Deadline = Annotated[
    str | None,
    _option(
        "--deadline",
        text="Stop after so long in all, such as 90m or 2h; `importer resume` goes on.",
        panel=STOPS,
        metavar="TIME",
    ),
]
IncludeRefused = Annotated[bool, _flag("--include-refused", text="Also send what the API refused.", panel=SENDING)]
Force = Annotated[
    bool,
    _flag("--force", text="Also what was changed in WizCommerce since; that is lost.", panel=STOPS),
]
MaxRejected = Annotated[
    str | None,
    _option("--max-rejected", text="Send nothing if more are rejected.", panel=STOPS, metavar="N|N%"),
]
MaxFewer = Annotated[
    str | None,
    _option(
        "--max-fewer",
        text="Send nothing if this many are missing since the last run.",
        panel=STOPS,
        metavar="N|N%",
    ),
]
MaxChanged = Annotated[
    str | None,
    _option("--max-changed", text="Send nothing if more customers would be changed.", panel=STOPS, metavar="N|N%"),
]
MaxAge = Annotated[
    float | None,
    _option("--max-age", text="Send nothing if a file is older than so many hours.", panel=STOPS, metavar="HOURS"),
]
NewFile = Annotated[
    bool, _flag("--new-file/--no-new-file", text="Send nothing if the files are those of the last run.", panel=STOPS)
]
SameLayout = Annotated[
    bool,
    _flag(
        "--same-layout/--no-same-layout",
        text="Send nothing if columns or mapping changed.",
        panel=STOPS,
    ),
]
Strict = Annotated[bool, _flag("--strict", text="Send nothing if anything is rejected.", panel=STOPS)]
Yes = Annotated[bool, _flag("--yes", "-y", text="Answer every question with yes.", panel=STOPS)]
Mode = Annotated[
    str,
    _option(
        "--mode",
        text="create: customers that exist are left alone; upsert: what changed in them is updated.",
        panel=SENDING,
        metavar="create|upsert",
    ),
]
OnConflict = Annotated[
    str,
    _option(
        "--on-conflict",
        text="With upsert, customers that were changed in WizCommerce since: left and reported, left, or updated.",
        panel=SENDING,
        metavar="report|skip|overwrite",
    ),
]
Plan = Annotated[
    str | None,
    _option(
        "--plan",
        text="Apply this plan of `importer plan`, once: its id or its folder. It knows sources, mapping and API.",
        panel=FILES,
        metavar="RUN",
    ),
]
Lookups = Annotated[
    Path | None,
    _option(
        "--lookups", text="Resolve names by a file of `importer lookups save`, without a network.", panel=FILES,
        metavar="FILE",
    ),
]  # fmt: skip
Memory = Annotated[
    str,
    _option(
        "--memory",
        text="Work in parts that fit into this memory together, such as 1GiB; auto: in parts where that is faster.",
        panel=FILES,
        metavar="SIZE|auto",
    ),
]
Engine = Annotated[
    str | None,
    _option(
        "--engine",
        text="Work in parts on a Dask cluster: dask is one of this machine.",
        panel=FILES,
        metavar="dask|dask://HOST:PORT",
    ),
]
Recheck = Annotated[
    bool, _flag("--recheck", text="Also look whether customers that were sent before are still there.", panel=SENDING)
]
Run = Annotated[
    str | None, typer.Argument(metavar="[RUN]", help="A run's id; the latest that planned anything by default.")
]

# What commands have in common: names of options, their kind and their default, in the order in which help shows them.
Group = Mapping[str, tuple[Any, Any]]
Command = TypeVar("Command", bound=Callable[..., None])

ACCOUNT: Group = {
    "ledger": (Ledger, None),
    "tenant": (Tenant, None),
    "accept_key": (AcceptKey, False),
    "api_key_file": (KeyFile, None),
}
UPDATING: Group = {"mode": (Mode, Options.mode), "on_conflict": (OnConflict, Options.on_conflict)}
PACE: Group = {
    "rate": (Rate, "auto"),
    "concurrency": (Concurrency, Options.concurrency),
    "timeout": (Timeout, Options.timeout),
    "max_wait": (MaxWait, "15m"),
}
DISPATCH: Group = {
    **PACE,
    "batch_size": (BatchSize, Options.batch_size),
    "settle": (Settle, Options.settle),
    "max_failed": (MaxFailed, None),
    "deadline": (Deadline, None),
    "keep": (Keep, None),
}
GUARDS: Group = {
    "max_rejected": (MaxRejected, None),
    "max_fewer": (MaxFewer, None),
    "max_changed": (MaxChanged, None),
    "max_age": (MaxAge, None),
    "new_file": (NewFile, False),
    "same_layout": (SameLayout, False),
    "strict": (Strict, False),
}
READING: Group = {
    "country": (Country, None),
    "sheet": (Sheet, None),
    "encoding": (Encoding, None),
    "delimiter": (Delimiter, None),
    "partial": (Partial, False),
    "dedupe": (Dedupe, Options.dedupe),
}
PARTS: Group = {"memory": (Memory, "auto"), "engine": (Engine, None)}
OUTPUT: Group = {
    "log": (Log, None),
    "log_level": (LogLevel, "info"),
    "log_personal": (LogPersonal, False),
    "json": (Json, False),
    "quiet": (Quiet, False),
    "config": (Config, None),
}


def takes(*groups: Group) -> Callable[[Command], Command]:
    """Give a command the options of these groups besides its own; they come as keyword arguments, ``**given``."""

    def decorate(command: Command) -> Command:
        own = [part for part in inspect.signature(command).parameters.values() if part.kind is not part.VAR_KEYWORD]
        shared = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
            for group in groups
            for name, (kind, default) in group.items()
        ]
        command.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]  # where typer looks
        return command

    return decorate
