"""A local test API that behaves like the WizCommerce customer API as far as it is known, with faults on demand.

It is independent: it imports nothing else from the importer, so that it does not share the sender's misunderstandings.
``openapi.yaml`` in this folder says what is known about the API, and from which source.
"""

from importer.sandbox.asgi_app import create_app
from importer.sandbox.customer_store import DataFileError
from importer.sandbox.faults import parse_faults
from importer.sandbox.sandbox_config import Clock, SandboxConfig
from importer.sandbox.server import (
    PortTakenError,
    SandboxStartError,
    serve,
    spawned,
)

__all__ = [
    "Clock",
    "DataFileError",
    "PortTakenError",
    "SandboxConfig",
    "SandboxStartError",
    "create_app",
    "parse_faults",
    "serve",
    "spawned",
]
