"""The config file and its options. Also the default path of the ledger."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from importer.errors import UsageError
from importer.wording import nearest

PATHS = frozenset(
    {"sources", "mapping", "out", "ledger", "api_key_file", "lookups", "values", "corrections", "log", "urls-file"}
)


def default_ledger(environment: Mapping[str, str]) -> str:
    """``$XDG_STATE_HOME/importer/ledger.db``, by the XDG base directory specification ``~/.local/state`` when unset."""
    home = environment.get("XDG_STATE_HOME") or "~/.local/state"
    return str(Path(home).expanduser() / "importer" / "ledger.db")


def read_config(path: Path, known: Iterable[str]) -> dict[str, Any]:
    """A TOML file of options, named as on the command line (``batch-size`` or ``batch_size``), without ``[notify]``.

    Raises :class:`UsageError` that names the file and what is wrong: unreadable, not TOML, an unknown option.
    """
    options = {name.rstrip("_").replace("_", "-"): name for name in known}  # ``for`` is a word of Python
    names = sorted(options)
    config = {name.replace("_", "-"): value for name, value in read_toml(path).items() if name != "notify"}
    unknown = sorted(config.keys() - options.keys())
    if unknown:
        guesses = [guess(name, names) for name in unknown]
        called = ", ".join(f"{name!r}{guess}" for name, guess in zip(unknown, guesses, strict=True))
        raise UsageError(f"{path}: unknown option {called}", "" if all(guesses) else f"Options: {', '.join(names)}.")
    return {options[name]: value for name, value in config.items()}


def placed(config: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A config file's options, with relative paths resolved against ``folder``.

    URLs, ``-`` and the names of shipped mappings are not paths.
    """
    return {name: _placed(name, value, folder) if name in PATHS else value for name, value in config.items()}


def _placed(name: str, value: Any, folder: Path) -> Any:
    if isinstance(value, list):
        return [_placed(name, item, folder) for item in value]
    if not isinstance(value, str) or "://" in value or value in {"", "-"}:
        return value
    if name == "mapping" and Path(value).suffix not in {".yaml", ".yml"} and Path(value).name == value:
        return value
    return str(folder / Path(value).expanduser())


def read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{path}: the config file cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from error


def guess(name: str, names: Iterable[str]) -> str:
    return "".join(f" (did you mean {near}?)" for near in nearest(name, names))
