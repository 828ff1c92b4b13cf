"""Options of a run, from flags, environment and a config file, checked once."""

from importer.settings.api_key import KEY_VARIABLE, read_key
from importer.settings.config_file import default_ledger, placed, read_config
from importer.settings.notifications import ENDS, Notices, read_notices
from importer.settings.option_values import Share
from importer.settings.options import SANDBOX, Options
from importer.settings.pasted_commands import IN_MEMORY, Commands

__all__ = [
    "ENDS",
    "IN_MEMORY",
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
