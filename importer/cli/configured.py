"""``--config``: a file's options become the defaults of a command's own."""

from pathlib import Path
from typing import Any

import typer

from importer.errors import UsageError
from importer.settings import placed, read_config

__all__ = ["read_file"]


def read_file(ctx: typer.Context, value: Path | None) -> Path | None:
    """Options from a TOML file become the defaults of this command's own options."""
    if value is None:
        return None
    if value.is_dir():
        if not any(param.name == "parallel" for param in ctx.command.params):
            raise UsageError(f"--config: {value} is a folder", "Only `importer run` takes a folder of jobs.")
        return value
    config = placed(read_config(value, _names(ctx.find_root().command)), value.parent)
    own = {param.name or "": param for param in ctx.command.params}
    defaults = {name: _as_given(value, own[name]) for name, value in config.items() if name in own}
    ctx.default_map = {**(ctx.default_map or {}), **defaults}
    return value


def _names(command: Any) -> set[str]:
    """The options of all commands that take a config file: one file serves them all."""
    names = {param.name for param in command.params if param.name == "sources" or param.param_type_name == "option"}
    own = names - {"config", "help"} if "config" in names else set()
    return own.union(*(_names(child) for child in getattr(command, "commands", {}).values()))


def _as_given(value: Any, param: Any) -> Any:
    """A value as the command line would give it.

    TOML's numbers may stand where an option takes text (``rate = 50``, ``max-rejected = 20``), and one text where it
    takes several (``sources = "a.csv"``).
    """
    if isinstance(value, str) and (param.nargs == -1 or getattr(param, "multiple", False)):
        return [value]
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
