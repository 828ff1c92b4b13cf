"""``sandbox``: a local test API that behaves like WizCommerce's."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from importer.errors import UsageError
from importer.private_files import make_folder
from importer.sandbox import DataFileError, PortTakenError, SandboxConfig, serve


def serve_sandbox(on_ready: Callable[[str], None], *, port: int, **options: Any) -> None:
    """Serve the sandbox until a signal ends it. ``on_ready`` gets its URL. ``options``: its configuration.

    Raises :class:`UsageError` for a wrong option or a port in use.
    """
    try:
        config = SandboxConfig(**options)
    except ValidationError as error:
        wrong = error.errors()[0]
        option = "".join(f"--{str(name).replace('_', '-')}: " for name in wrong["loc"][:1])
        raise UsageError(f"{option}{wrong['msg'].removeprefix('Value error, ')}") from error
    if config.data is not None:
        with suppress(OSError):  # the message says what is wrong
            make_folder(config.data.parent)
    try:
        serve(config, port=port, on_ready=on_ready)
    except (PortTakenError, DataFileError) as error:
        raise UsageError(str(error), "Choose another --port, or another --data file.") from error
