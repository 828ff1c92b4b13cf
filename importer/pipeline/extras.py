"""Commands that need one room only: mappings shown, the sandbox served."""

from collections.abc import Callable
from pathlib import Path

from importer.errors import UsageError
from importer.mapping import load_mapping
from importer.mapping.explain import explain, overview
from importer.sandbox import DataFileError, PortTakenError, SandboxConfig, serve

__all__ = ["explain_mapping", "list_mappings", "serve_sandbox"]


def list_mappings(width: int) -> str:
    """All shipped mappings, a line each."""
    return overview(width)


def explain_mapping(name: str, width: int) -> str:
    """A mapping in plain words. Raises :class:`MappingError` when there is none, or it is wrong."""
    return explain(load_mapping(name), width=width)


def serve_sandbox(
    on_ready: Callable[[str], None],
    *,
    port: int,
    faults: str,
    rate: int | None,
    latency: float,
    list_lag: float,
    data: Path | None,
    seed: int,
) -> None:
    """Serve the sandbox until a signal ends it. Raises :class:`UsageError` for a wrong option or a port in use."""
    try:
        config = SandboxConfig(data=data, rate=rate, latency=latency, faults=faults, seed=seed, list_lag=list_lag)
    except ValueError as error:
        raise UsageError(str(error)) from error
    try:
        serve(config, host="127.0.0.1", port=port, on_ready=on_ready)
    except (PortTakenError, DataFileError, OverflowError) as error:
        raise UsageError(str(error), "Choose another --port, or another --data file.") from error
