"""Import customers from ERP exports (CSV, Excel) into WizCommerce.

::

    import importer

    checked = importer.check("customers.csv", "netsuite", country="US")
    if checked.ok:
        sent = importer.run("customers.csv", "netsuite", importer.Target("staging", key=key), yes=True)
        print(sent.exit_code, sent.results, sent.children)

These functions are documented in :mod:`importer.python_api`, which is loaded when one of them is first used.
"""
# ruff: noqa: F403, F405 - type checkers see what python_api offers

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importer import errors
    from importer.python_api import *

__version__ = "0.1.0"

__all__ = [
    "CheckResult",
    "CorrectResult",
    "Draft",
    "Result",
    "RunResult",
    "Target",
    "__version__",
    "account",
    "arun",
    "check",
    "correct",
    "correct_cells",
    "corrections_in",
    "errors",
    "mappings",
    "plan",
    "preview",
    "read",
    "remove_correction",
    "resume",
    "retry",
    "run",
    "runs",
    "save_lookups",
    "suggest",
    "undo",
    "values",
    "verify",
    "write_mapping",
    "write_report",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module 'importer' has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 - importing the package loads nothing

        if name == "errors":
            return import_module("importer.errors")
        return getattr(import_module("importer.python_api"), name)

    def __dir__() -> list[str]:
        return __all__
