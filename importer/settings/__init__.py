"""Options of a run, from flags, environment and a config file, checked once."""

from importer.settings.api_access import KEY_VARIABLE, is_loopback, read_key, resolve_target
from importer.settings.config_file import default_ledger, placed, read_config
from importer.settings.notices import ENDS, Notices, read_notices
from importer.settings.options import SANDBOX, Options, Share
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
    "is_loopback",
    "placed",
    "read_config",
    "read_key",
    "read_notices",
    "resolve_target",
]
