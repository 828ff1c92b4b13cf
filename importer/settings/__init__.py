"""The options of a run, from flags, the environment, and a config file, checked once."""

from importer.settings.api_access import KEY_VARIABLE, read_key, resolve_target
from importer.settings.config_file import Notices, default_ledger, placed, read_config, read_notices
from importer.settings.options import SANDBOX, Options
from importer.settings.pasted_commands import IN_MEMORY, Commands

__all__ = [
    "IN_MEMORY",
    "KEY_VARIABLE",
    "SANDBOX",
    "Commands",
    "Notices",
    "Options",
    "default_ledger",
    "placed",
    "read_config",
    "read_key",
    "read_notices",
    "resolve_target",
]
