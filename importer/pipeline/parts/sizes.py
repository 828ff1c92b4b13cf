"""How large a part may be."""

import math

from importer.errors import UsageError
from importer.settings import Options
from importer.tables import Sources

__all__ = ["rows_of_a_part"]

_USUAL = 60_000  # rows: more need more memory, fewer repeat what is done once for a part
_FEWEST = 2_000
_MIB = 1 << 20
_LEAST = 400 * _MIB  # of memory in all
_PARENT = 200 * _MIB  # the importer itself, and what it knows of every row
_PROCESS = 130 * _MIB  # a process of the crew before it has done anything
_TIMES = 9  # what a part needs, compared with the text of its rows


def rows_of_a_part(options: Options, sources: Sources, hands: int) -> int:
    """How many rows a part may have: so many that all are busy to the end, and fit into the memory together.

    Raises :class:`UsageError` when so little memory is given that no part would do.
    """
    count = sources.row_count
    most = _USUAL
    if options.memory is not None:
        if options.memory < _LEAST:
            raise UsageError(
                f"--memory is {options.memory // _MIB} MiB, which is too little",
                f"Give {_LEAST // _MIB}MiB or more; in several processes each needs {_PROCESS // _MIB} MiB.",
            )
        text = sum(int(table.frame.memory_usage(index=False, deep=False).sum()) for table in sources.tables)
        room = (options.memory - _PARENT) / hands - _PROCESS
        most = min(_USUAL, max(_FEWEST, int(room / _TIMES / max(text / count, 1.0))))
    parts = hands * math.ceil(count / most / hands)
    return max(_FEWEST, math.ceil(count / parts))
