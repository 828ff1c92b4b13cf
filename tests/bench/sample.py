"""Writes the export that `check` is measured with: called with its path and the number of rows."""

import sys
from pathlib import Path

from tests.samples.scale import write_netsuite

SEED = 20_250_331
BAD = 0.01  # of the values that can be wrong

if __name__ == "__main__":
    write_netsuite(Path(sys.argv[1]), int(sys.argv[2]), SEED, BAD)
