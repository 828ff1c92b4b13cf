"""Joins the stages: the only room that knows them all. Its functions are the commands.

They are looked up on first use, so that a command imports only what it needs.
"""

import gc
import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importer.pipeline.adopting import adopt
    from importer.pipeline.care import backup_ledger, forget, ledger_faults, vacuum_ledger
    from importer.pipeline.deadline import Deadline
    from importer.pipeline.dry_run import check
    from importer.pipeline.extras import (
        explain_code,
        explain_mapping,
        list_codes,
        list_examples,
        list_mappings,
        serve_sandbox,
        show_example,
    )
    from importer.pipeline.fetching import save_lookups
    from importer.pipeline.history import ids, report, runs
    from importer.pipeline.jobs import JobFile, jobs_line, run_jobs
    from importer.pipeline.live_run import run
    from importer.pipeline.planning import plan
    from importer.pipeline.resumption import resume, retry
    from importer.pipeline.supervision import supervise
    from importer.pipeline.targets import account_of
    from importer.pipeline.undo_verify import undo, verify
    from importer.pipeline.watch import Watch
    from importer.report import runs_text, summary_text, undo_verify_text

__all__ = [
    "Deadline",
    "JobFile",
    "Watch",
    "account_of",
    "adopt",
    "backup_ledger",
    "check",
    "explain_code",
    "explain_mapping",
    "forget",
    "ids",
    "jobs_line",
    "ledger_faults",
    "list_codes",
    "list_examples",
    "list_mappings",
    "plan",
    "report",
    "resume",
    "retry",
    "run",
    "run_jobs",
    "runs",
    "runs_text",
    "save_lookups",
    "serve_sandbox",
    "show_example",
    "summary_text",
    "supervise",
    "undo",
    "undo_verify_text",
    "vacuum_ledger",
    "verify",
]

_HOMES = {
    "Deadline": "importer.pipeline.deadline",
    "JobFile": "importer.pipeline.jobs",
    "account_of": "importer.pipeline.targets",
    "jobs_line": "importer.pipeline.jobs",
    "run_jobs": "importer.pipeline.jobs",
    "Watch": "importer.pipeline.watch",
    "adopt": "importer.pipeline.adopting",
    "undo_verify_text": "importer.report",
    "backup_ledger": "importer.pipeline.care",
    "check": "importer.pipeline.dry_run",
    "explain_code": "importer.pipeline.extras",
    "explain_mapping": "importer.pipeline.extras",
    "forget": "importer.pipeline.care",
    "ids": "importer.pipeline.history",
    "ledger_faults": "importer.pipeline.care",
    "list_codes": "importer.pipeline.extras",
    "list_examples": "importer.pipeline.extras",
    "show_example": "importer.pipeline.extras",
    "list_mappings": "importer.pipeline.extras",
    "plan": "importer.pipeline.planning",
    "report": "importer.pipeline.history",
    "resume": "importer.pipeline.resumption",
    "retry": "importer.pipeline.resumption",
    "run": "importer.pipeline.live_run",
    "runs": "importer.pipeline.history",
    "runs_text": "importer.report",
    "save_lookups": "importer.pipeline.fetching",
    "serve_sandbox": "importer.pipeline.extras",
    "summary_text": "importer.report",
    "supervise": "importer.pipeline.supervision",
    "undo": "importer.pipeline.undo_verify",
    "vacuum_ledger": "importer.pipeline.care",
    "verify": "importer.pipeline.undo_verify",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_imported(_HOMES[name]), name)


def _imported(home: str) -> ModuleType:
    """The module. What imports make stays for good: the garbage collector would look through it again and again."""
    if home in sys.modules:
        return sys.modules[home]
    collects = gc.isenabled()
    gc.disable()
    try:
        return import_module(home)
    finally:
        gc.freeze()
        if collects:
            gc.enable()
