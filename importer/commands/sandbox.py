"""``sandbox``: a local test API that behaves like WizCommerce's."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from importer.errors import UsageError
from importer.private_files import make_folder
from importer.sandbox import DataFileError, PortTakenError, SandboxConfig, serve


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
    except ValidationError as error:
        wrong = error.errors()[0]
        option = "".join(f"--{str(name).replace('_', '-')}: " for name in wrong["loc"][:1])
        raise UsageError(f"{option}{wrong['msg'].removeprefix('Value error, ')}") from error
    if data is not None:
        with suppress(OSError):  # the sandbox says what is wrong with it
            make_folder(data.parent)
    try:
        serve(config, port=port, on_ready=on_ready)
    except (PortTakenError, DataFileError) as error:
        raise UsageError(str(error), "Choose another --port, or another --data file.") from error
