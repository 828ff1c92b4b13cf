"""The config file, and the default place of the ledger."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from importer.errors import UsageError

__all__ = ["default_ledger", "placed", "read_config", "read_toml"]

PATHS = frozenset({"sources", "mapping", "out", "ledger", "api_key_file", "lookups", "log"})


def default_ledger(environment: Mapping[str, str]) -> str:
    """``$XDG_STATE_HOME/importer/ledger.db``, by the XDG base directory specification ``~/.local/state`` when unset."""
    home = environment.get("XDG_STATE_HOME") or "~/.local/state"
    return str(Path(home).expanduser() / "importer" / "ledger.db")


def read_config(path: Path, known: Iterable[str]) -> dict[str, Any]:
    """A TOML file of options, named as on the command line (``batch-size`` or ``batch_size``).

    Its table ``[notify]`` is left to :func:`importer.settings.read_notices`.
    Raises :class:`UsageError` that names the file and what is wrong: unreadable, not TOML, an option that is none.
    """
    names = set(known)
    config = {name.replace("-", "_"): value for name, value in read_toml(path).items() if name != "notify"}
    unknown = sorted(config.keys() - names)
    if unknown:
        near = {name: _near(name, names) for name in unknown}
        called = ", ".join(repr(name) + near[name] for name in unknown)
        listed = ", ".join(sorted(name.replace("_", "-") for name in names))
        raise UsageError(f"{path}: no option is called {called}", "" if all(near.values()) else f"There are: {listed}.")
    return config


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as it stands. Raises :class:`UsageError`."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{path}: the config file cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from error


def placed(config: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """What a config file says, with its relative paths starting at the file's folder.

    URLs, ``-`` and the names of shipped mappings are no paths.
    """
    changed = {name: _placed(name, value, folder) for name, value in config.items() if name in PATHS}
    return {**config, **changed}


def _placed(name: str, value: Any, folder: Path) -> Any:
    if isinstance(value, list):
        return [_placed(name, item, folder) for item in value]
    if not isinstance(value, str) or "://" in value or value in {"", "-"}:
        return value
    if name == "mapping" and Path(value).suffix not in {".yaml", ".yml"} and Path(value).name == value:
        return value
    return str(folder / Path(value).expanduser())


def _near(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, sorted(names), n=1)
    return f" (did you mean {near[0].replace('_', '-')}?)" if near else ""
