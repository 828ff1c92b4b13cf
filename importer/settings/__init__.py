"""Options of a run, from flags, environment and a config file, checked once."""

from importer.settings.commands import Commands
from importer.settings.config import default_ledger, placed, read_config
from importer.settings.key import KEY_VARIABLE, read_key
from importer.settings.notices import ENDS, Notices, read_notices
from importer.settings.options import SANDBOX, Options
from importer.settings.values import Share

__all__ = [
    "ENDS",
    "KEY_VARIABLE",
    "SANDBOX",
    "Commands",
    "Notices",
    "Options",
    "Share",
    "default_ledger",
    "placed",
    "read_config",
    "read_key",
    "read_notices",
]
