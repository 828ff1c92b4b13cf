"""The options that a command was given, checked: from the command line, the environment, and the config file.

Click reads the command line and the environment, and the options in the config file become Click's defaults. Therefore,
the command line overrides the environment, and the environment overrides the file.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import typer

from importer.errors import OptionError, UsageError
from importer.settings import Options, default_ledger, placed, read_config


@dataclass(frozen=True)
class Given:
    """The file or folder of ``--config``, if any, and where each option of the command comes from.

    ``origin``: name of an option → Click's name for where its value comes from, such as ``COMMANDLINE``.
    """

    path: Path | None
    origin: Callable[[str], str]

    def place(self, option: str) -> str:
        """Where the user can find the option's value; ``""`` for the command line."""
        origin = self.origin(option)
        if origin == "ENVIRONMENT":
            return f"IMPORTER_{option.upper().rstrip('_')}"
        return f"{self.path}: {option.rstrip('_').replace('_', '-')}" if origin == "DEFAULT_MAP" else ""


def given_by(ctx: typer.Context, option: str) -> str:
    """Click's name for where an option's value comes from; ``DEFAULT`` if the command does not have the option."""
    source = ctx.get_parameter_source(option)
    return "DEFAULT" if source is None else source.name


def read_file(ctx: typer.Context, value: Path | None) -> Given:
    """Make the options in a TOML file the defaults of this command's options."""
    given = Given(value, lambda option: given_by(ctx, option))
    if value is None:
        return given
    if value.is_dir():
        if not any(param.name == "parallel" for param in ctx.command.params):
            raise UsageError(f"--config: {value} is a folder", "Only `importer run` takes a folder of jobs.")
        return given
    config = placed(read_config(value, _names(ctx.find_root().command)), value.parent)
    own = {param.name or "": param for param in ctx.command.params}
    defaults = {name: _as_given(value, own[name]) for name, value in config.items() if name in own}
    ctx.default_map = {**(ctx.default_map or {}), **defaults}
    return given


def _names(command: Any) -> set[str]:
    """The options of all commands that accept a config file, because all of them can share a file."""
    names = {param.name for param in command.params if param.name == "sources" or param.param_type_name == "option"}
    own = names - {"config", "help"} if "config" in names else set()
    return own.union(*(_names(child) for child in getattr(command, "commands", {}).values()))


def _as_given(value: Any, param: Any) -> Any:
    """A value in the form that the command line produces: always a list if the option accepts several values."""
    several = param.nargs == -1 or getattr(param, "multiple", False)
    return [value] if several and not isinstance(value, list) else value


def make_options(values: Mapping[str, Any]) -> Options:
    """The options that a command was given, checked.

    Raises :class:`OptionError` that names the flag, the variable, or the config file's key with the wrong value.
    """
    config: Given = values["config"]
    given = {item.name: values[item.name] for item in fields(Options) if values.get(item.name) is not None}
    given["ledger"] = given.get("ledger") or default_ledger(os.environ)
    given["config"] = config.path
    given["configured"] = frozenset(name for name in given if config.origin(name) == "DEFAULT_MAP")
    try:
        return Options(**given)
    except OptionError as error:
        raise error.found_in(config.place(error.option)) from None
