"""Reads one workbook. Called with ``importer`` or ``calamine`` (the bare cells, row by row), and the path.

Prints seconds and CPU seconds, without those of starting and importing.
"""

import sys
import time
from pathlib import Path

import python_calamine

from importer.loader import LoadOptions, load


def bare(path: Path) -> int:
    with python_calamine.CalamineWorkbook.from_path(path) as workbook:
        return sum(len(row) for row in workbook.get_sheet_by_index(0).to_python())


def whole(path: Path) -> int:
    return load([str(path)], LoadOptions()).row_count


def main() -> None:
    way = {"importer": whole, "calamine": bare}[sys.argv[1]]
    wall, cpu = time.perf_counter(), time.process_time()
    assert way(Path(sys.argv[2]))
    print(time.perf_counter() - wall, time.process_time() - cpu)


if __name__ == "__main__":
    main()
