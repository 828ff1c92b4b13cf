"""Tables on disk that are mapped into memory: what they hold stays, however often their pages are let go."""

import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from importer.errors import OutputError
from importer.partitions import mapped_memory as resident
from importer.partitions.mapped_memory import give_back, let_go, mapped, watch
from importer.partitions.scratch import keep, kept, read_frame, stored, write_frame
from importer.tables import TEXT


def test_what_is_mapped_is_there_again_after_it_was_let_go(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": pd.Series(["a", None, "ü"] * 9000, dtype=TEXT), "number": np.arange(27_000)})
    write_frame(tmp_path / "frame", frame)
    again, numbers = read_frame(tmp_path / "frame"), read_frame(tmp_path / "frame", numbers=False)
    for _ in range(2):
        pd.testing.assert_frame_equal(again, frame)
        assert numbers["number"].to_numpy(np.int64).tolist() == frame["number"].to_list()
        let_go()
        give_back()
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600]


@pytest.mark.parametrize("array", [np.arange(5), np.array([True, False]), np.arange(10)[::3], np.zeros(0, np.int64)])
def test_an_array_on_disk_is_the_same(tmp_path: Path, array: np.ndarray) -> None:
    found = stored(tmp_path / "array", array)
    let_go()
    assert found.dtype == array.dtype
    assert found.tolist() == array.tolist()


def test_what_is_put_away_comes_back(tmp_path: Path) -> None:
    thing = {"rows": np.arange(3), "names": ("a", "b"), "nothing": None}
    keep(tmp_path / "thing", thing)
    found = kept(tmp_path / "thing")
    assert found.pop("rows").tolist() == thing.pop("rows").tolist()  # type: ignore[attr-defined]
    assert found == thing


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    for write in (keep, stored):
        with pytest.raises(OutputError, match="scratch folder"):
            write(tmp_path / "gone" / "file", np.arange(3))


@pytest.mark.skipif(not resident._SIZES.exists(), reason="the system does not say how much is in memory")
def test_pages_are_let_go_when_there_are_many(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").write_bytes(b"x" * 10_000)
    buffer = mapped(tmp_path / "file")
    asked = threading.Event()
    monkeypatch.setattr(resident, "let_go", asked.set)
    monkeypatch.setattr(resident, "_EVERY", 0.001)
    done = watch(most=0)
    assert asked.wait(10)
    done.set()
    assert buffer.to_pybytes() == b"x" * 10_000
