"""Baseline of `check`, the least that any program must do: read the export as text, encode the bodies, write them.

Called with the export, the bodies that `check` wrote, and a file to write. The bodies are parsed before the clock
starts. Prints seconds and CPU seconds.
"""

import sys
import time
from pathlib import Path

import orjson
import pyarrow as pa
from pyarrow import csv


def main() -> None:
    source, payloads, target = map(Path, sys.argv[1:])
    bodies = [orjson.loads(line) for line in payloads.read_bytes().splitlines()]
    with source.open("rb") as file:
        names = file.readline().decode().rstrip("\n").split(",")
    wall, cpu = time.perf_counter(), time.process_time()
    csv.read_csv(
        source,
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
    )
    with target.open("wb") as file:
        file.writelines(orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE) for body in bodies)
    print(time.perf_counter() - wall, time.process_time() - cpu)


if __name__ == "__main__":
    main()
