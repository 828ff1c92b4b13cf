"""What only a separate process can show: signals, the lock, a full disk, its arguments, its streams."""

import json
import os
import re
import resource
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from importer.partitions.executors import processors
from importer.sandbox import SandboxConfig
from tests.running_sandbox import RunningSandbox, running
from tests.workflow.desk import KEY, PATIENCE, Desk, Said


def wait_until(happened: Callable[[], bool]) -> None:
    """Polls at short intervals, because another process cannot notify the test."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def finish(desk: Desk, process: "subprocess.Popen[str]") -> Said:
    with process:
        out, err = process.communicate(timeout=PATIENCE)
    return Said(process.returncode, out, err, desk.path)


def family(pid: int) -> Iterator[int]:
    """The process and its descendants."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from family(int(child))


def imports_numpy(pid: int) -> bool:
    return "numpy" in Path(f"/proc/{pid}/maps").read_text()


def posts(box: RunningSandbox) -> int:
    return sum(seen.method == "POST" for seen in box.requests())


def slow(latency: float = 0.1) -> SandboxConfig:
    return SandboxConfig(latency=latency, duplicates="allow")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_while_reading_is_reported(desk, number) -> None:
    desk.small()
    pipe = desk.path / "pipe.csv"
    os.mkfifo(pipe)
    process = desk.start("check", pipe.name, "-m", "small.yaml")
    with pipe.open("wb"):  # waits until the check has opened it as well
        process.send_signal(number)
        said = finish(desk, process)
    assert (said.code, said.out) == (3, "")
    assert said.err.splitlines()[-1] == "importer: interrupted before anything was sent; run it again"
    assert not (desk.path / "results").exists()  # so no scratch folder is left, either


@pytest.mark.skipif(processors() == 1, reason="with one processor no others are made")
def test_interrupt_while_starting_workers_shows_no_traceback(desk) -> None:
    """A terminal interrupts the entire process group, including the workers."""
    desk.small()
    pipe = desk.path / "pipe.csv"
    os.mkfifo(pipe)
    process = desk.start("check", pipe.name, "-m", "small.yaml", "--memory", "1GiB", start_new_session=True)
    wait_until(lambda: any(imports_numpy(pid) for pid in list(family(process.pid))[1:]))
    os.killpg(process.pid, signal.SIGINT)
    said = finish(desk, process)
    assert (said.code, said.out) == (3, "")
    assert "Traceback" not in said.err


def test_run_after_interrupt_creates_each_customer_once(desk) -> None:
    words = ("run", *desk.small(60), "--json", "--rate", 100, "--concurrency", 4, "--batch-size", 20, "--settle", 0)
    with running(slow()) as box:
        process = desk.start(*words, "--api", box.url)
        wait_until(lambda: posts(box) >= 8)
        process.send_signal(signal.SIGINT)
        first = finish(desk, process)
        held = box.counts()["customers"]
        assert first.code == first.summary["exit_code"] == 3
        assert 8 <= held < 60
        assert first.summary["customers"] == {**first.summary["customers"], "created": held, "pending": 60 - held}
        assert "interrupted" in first.summary["stopped"]
        assert "importer resume" in " ".join(first.summary["next"])
        assert "Traceback" not in first.err
        assert Counter(first.outcomes.values()) == {"created": held, "pending": 60 - held}
        second = desk.run(box.url, *desk.small(60))
        assert second.code == 0
        assert Counter(second.outcomes.values()) == {"unchanged": held, "created": 60 - held}
        assert Counter(one["reference_id"] for one in box.customers()) == dict.fromkeys(first.outcomes, 1)
        assert posts(box) == 60


def test_second_run_of_a_tenant_is_refused_and_key_is_not_an_argument(desk) -> None:
    words = desk.small(40)
    with running(slow(0.15)) as box:
        process = desk.start("run", *words, "--api", box.url, "--rate", 50, "--concurrency", 2, "--quiet")
        wait_until(lambda: posts(box) >= 1)
        for pid in family(process.pid):
            assert KEY.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
        turned_away = desk.run(box.url, *words)
        assert turned_away.code == 3
        assert turned_away.out == ""
        assert f"process {process.pid}" in turned_away.err
        assert "Wait until it has finished" in turned_away.err
        process.send_signal(signal.SIGTERM)
        first = finish(desk, process)
    assert first.code == 3
    assert first.err == ""
    assert "interrupted" in first.out


def test_local_sandbox_gets_no_real_key(desk) -> None:
    process = desk.start("run", *desk.small(30), "--api", "sandbox", "--rate", 10, "--json", stdin=subprocess.DEVNULL)
    wait_until(lambda: len(list(family(process.pid))) > 1)
    pids = list(family(process.pid))
    for pid in pids[1:]:
        assert KEY.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    wait_until(lambda: any(desk.path.glob("results/*/work/bodies.arrow")))
    process.send_signal(signal.SIGINT)
    said = finish(desk, process)
    assert said.code == 3
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids[1:]))
    assert_no_key(desk, said)


def assert_no_key(desk: Desk, said: Said) -> None:
    files = list(desk.files())
    assert any(path.name == "ledger.db" for path in files)
    for path in files:
        assert KEY.encode() not in path.read_bytes(), path
    assert KEY not in said.out + said.err


@pytest.mark.parametrize("room", [2_000, 60_000])
def test_full_disk_is_reported_and_nothing_is_sent(desk, box, room) -> None:
    """A limit on file sizes stands in for the disk; either the ledger or the run's folder exceeds it."""

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    said = desk.process("run", *desk.small(1000), "--api", box.url, "--rate", 5000, preexec_fn=limited)
    assert said.code in (2, 3), said.err
    assert said.out == ""
    assert "Traceback" not in said.err
    assert "inside the importer" not in said.err
    assert "too large" in said.err or "full" in said.err, said.err
    assert len(said.err.strip().splitlines()) > 1  # the second line says what to do
    assert box.counts()["customers"] == 0
    again = desk.run(box.url, *desk.small(5))
    assert again.summary["customers"]["created"] == 5


def test_streams_are_separate_and_the_exit_code_is_returned(desk, box) -> None:
    desk.write("mixed.csv", "Id,Name,Phone,Mail,Street,Town\n1,One,,no address,,\n2,Two,,two@example.com,,\n")
    desk.small()
    said = desk.process("run", "mixed.csv", "-m", "small.yaml", "--api", box.url, "--json", "--quiet")
    assert (said.code, said.err) == (1, "")
    assert json.loads((said.folder / "summary.json").read_text(encoding="utf-8")) == said.summary
    assert_no_key(desk, said)
    said = desk.do("check", "absent.csv", "-m", "small.yaml")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("importer: absent.csv: no such file\n")


def test_closed_pipe_is_not_a_crash(desk) -> None:
    read, write = os.pipe()
    os.close(read)
    with subprocess.Popen(
        ["/bin/sh", "-c", f'exec "{os.sys.executable}" -m importer mappings'],
        stdout=write, stderr=subprocess.PIPE, cwd=desk.path, text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2]), **desk.variables},
    ) as process:  # fmt: skip
        os.close(write)
        _, err = process.communicate(timeout=PATIENCE)
    assert err == ""
    assert process.returncode == 3


@pytest.mark.parametrize("closed", [1, 2])
def test_closed_stream_does_not_change_the_exit_code(desk, closed) -> None:
    source, *mapping = desk.small()
    desk.write(source, (desk.path / source).read_text().replace("c1@", "c1"))
    with desk.start("check", source, *mapping, "--json", preexec_fn=lambda: os.close(closed)) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (1, "")
    assert out.startswith("{") is (closed == 2)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_full_disk_for_output_streams_is_reported(desk) -> None:
    desk.small()
    with Path("/dev/full").open("w") as full:
        for stream, words, code in [("stdout", ("mappings",), 3), ("stderr", ("check", "absent.csv"), 2)]:
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: full}
            with subprocess.Popen(
                [os.sys.executable, "-m", "importer", *words], cwd=desk.path, text=True,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2]), **desk.variables},
                **pipes,
            ) as process:  # fmt: skip
                out, err = process.communicate(timeout=PATIENCE)
            assert (process.returncode, out or "") == (code, "")
            assert (err or "").startswith("importer: the output cannot be written: No space left" if err else "")
            assert bool(err) is (stream == "stdout")


def test_sandbox_serves_until_stopped(desk) -> None:
    process = desk.start("sandbox", "--port", 0, "--data", "kept.db")
    assert process.stdout is not None
    url = re.search(r"http://\S+", process.stdout.readline())
    assert url is not None
    answer = httpx.post(
        f"{url[0]}/v1/customers", json={"reference_id": "1", "company_name": "One"}, headers={"X-API-Key": "any"},
        trust_env=False,
    )  # fmt: skip
    assert answer.status_code == 201
    port = url[0].rpartition(":")[2]
    taken = desk.do("sandbox", "--port", port)
    assert (taken.code, taken.out) == (2, "")
    assert f"port {port}" in taken.err
    assert "--port" in taken.err
    process.send_signal(signal.SIGTERM)
    said = finish(desk, process)
    assert (said.code, said.err) == (0, "")
    assert (desk.path / "kept.db").stat().st_mode & 0o077 == 0
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", int(port)))
