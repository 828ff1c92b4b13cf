"""The floor: reading the source with pyarrow and writing the finished bodies with orjson; nobody can be faster.

``python -m tests.bench.floor SOURCE BODIES TARGET``.
"""

import sys
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.csv


def main() -> None:
    source, bodies, target = map(Path, sys.argv[1:])
    table = pyarrow.csv.read_csv(source, parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True))
    assert table.num_rows
    finished = [orjson.loads(line) for line in bodies.read_bytes().splitlines()]
    with target.open("wb") as file:
        for item in finished:
            file.write(orjson.dumps(item))
            file.write(b"\n")
    pa.default_memory_pool().release_unused()


if __name__ == "__main__":
    main()
