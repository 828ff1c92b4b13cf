"""``--config``: a file's options become the defaults of a command's own; and where each option comes from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from importer.errors import UsageError
from importer.settings import placed, read_config

__all__ = ["Given", "origin_of", "read_file"]


@dataclass(frozen=True)
class Given:
    """The file or folder of ``--config``, if there is one, and where each option of the command comes from.

    ``origin``: the option's name → the name of click's source of a parameter, such as ``COMMANDLINE``.
    """

    path: Path | None
    origin: Callable[[str], str]

    def place(self, option: str) -> str:
        """Where the user finds the option's value; ``""`` for the command line."""
        origin = self.origin(option)
        if origin == "ENVIRONMENT":
            return f"IMPORTER_{option.upper()}"
        return f"{self.path}: {option.replace('_', '-')}" if origin == "DEFAULT_MAP" else ""


def origin_of(ctx: typer.Context, option: str) -> str:
    """The name of click's source of a parameter; ``DEFAULT`` for one that the command does not have."""
    source = ctx.get_parameter_source(option)
    return "DEFAULT" if source is None else source.name


def read_file(ctx: typer.Context, value: Path | None) -> Given:
    """Options from a TOML file become the defaults of this command's own options."""
    given = Given(value, lambda option: origin_of(ctx, option))
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
    """The options of all commands that take a config file: one file serves them all."""
    names = {param.name for param in command.params if param.name == "sources" or param.param_type_name == "option"}
    own = names - {"config", "help"} if "config" in names else set()
    return own.union(*(_names(child) for child in getattr(command, "commands", {}).values()))


def _as_given(value: Any, param: Any) -> Any:
    """A value as the command line would give it: one where it takes several (``sources = "a.csv"``) is a list."""
    several = param.nargs == -1 or getattr(param, "multiple", False)
    return [value] if several and not isinstance(value, list) else value
