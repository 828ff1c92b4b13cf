"""The sandbox as a process: its data outlives it, it ends with its parent, and it says why it cannot start."""

import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from importer.sandbox import (
    DataFileError,
    PortTakenError,
    SandboxConfig,
    SandboxStartError,
    serve,
    spawned,
)
from tests.running_sandbox import running
from tests.sandbox.support import address, client, customer

ROOT = Path(__file__).parents[2]


def wait_until(happened: Callable[[], bool]) -> None:
    """Polls at short intervals, because another process cannot notify the test."""
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def child_of(pid: int) -> int:
    """The sandbox process that another process has started."""
    [child] = (one for one in psutil.Process(pid).children() if "importer.sandbox" in one.cmdline())
    return child.pid


def test_data_survives_a_stop_and_a_kill(tmp_path: Path) -> None:
    file = tmp_path / "new" / "sandbox.db"
    config = SandboxConfig(data=file, keys=("secret-key",))
    with spawned(config) as url, client(url, "secret-key") as api:
        for number in range(20):
            assert api.post("/v1/customers", json=customer(f"C{number}", addresses=[address()])).status_code == 201
        ids = {one["reference_id"]: one["id"] for one in api.get("/v1/customers").json()["data"]}
        assert api.patch(f"/v1/customers/{ids['C1']}", json={"display_name": "Changed"}).status_code == 201
        assert api.delete(f"/v1/customers/{ids['C19']}").status_code == 200
        kept = api.get("/v1/customers").json()["data"]
        os.kill(child_of(os.getpid()), signal.SIGKILL)
    assert b"secret-key" not in b"".join(part.read_bytes() for part in file.parent.iterdir())
    assert {stat.S_IMODE(part.stat().st_mode) for part in file.parent.iterdir()} == {0o600}
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    with spawned(config) as url, client(url, "secret-key") as api:
        assert api.get("/v1/customers").json()["data"] == kept
        made = api.post("/v1/customers", json=customer("C19")).json()["data"]
        assert made["display_id"] == "WC_0000000021"
        assert made["id"] not in ids.values()
        assert api.post("/v1/customers", json=customer("C1")).status_code == 409
        listed = api.get("/v1/customers", params={"sort": "asc", "page_size": 1}).json()["data"]
        assert listed[0]["reference_id"] == "C0"
    with running(config) as third:
        assert len(third.customers()) == 20


def test_two_sandboxes_cannot_share_a_file(tmp_path: Path) -> None:
    config = SandboxConfig(data=tmp_path / "sandbox.db")
    with running(config), pytest.raises(DataFileError, match="another sandbox uses it"), running(config):
        pass


def test_wrong_data_files_are_reported(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("this is no database, and it is long enough to be seen as one" * 50)
    with pytest.raises(DataFileError, match=r"text\.db"), running(SandboxConfig(data=tmp_path / "text.db")):
        pass
    with pytest.raises(DataFileError, match="cannot be opened"), running(SandboxConfig(data=tmp_path)):
        pass
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE customers (name TEXT)")
    other.close()
    with pytest.raises(DataFileError, match=r"other\.db"), running(SandboxConfig(data=tmp_path / "other.db")):
        pass


def test_child_shows_no_key_and_ignores_ctrl_c() -> None:
    with spawned(SandboxConfig(keys=("secret-key",), faults="429=100%")) as url:
        pid = child_of(os.getpid())
        for name in ("cmdline", "environ"):
            assert b"secret-key" not in Path(f"/proc/{pid}/{name}").read_bytes()
        os.kill(pid, signal.SIGINT)
        with client(url, "secret-key") as api:
            assert api.post("/v1/customers", json=customer()).status_code == 429
    assert not alive(pid)


def test_child_process_ends_with_its_parent() -> None:
    script = (
        "import time\n"
        "from importer.sandbox import SandboxConfig, spawned\n"
        "with spawned(SandboxConfig()) as url:\n"
        "    print(url, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline().startswith(b"http://127.0.0.1:")
        child = child_of(parent.pid)
        assert alive(child)
        parent.kill()
        wait_until(lambda: not alive(child))


def test_port_in_use_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"cannot listen on 127.0.0.1 port {port}"):
            serve(SandboxConfig(), port=port, on_ready=print)


def test_start_failure_of_the_child_process_is_reported(tmp_path: Path) -> None:
    with (
        pytest.raises(SandboxStartError, match=r"did not start: .* cannot be opened"),
        spawned(SandboxConfig(data=tmp_path)),
    ):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_returns_on_a_signal(number: signal.Signals) -> None:
    script = (
        "import signal\n"
        "from importer.sandbox import SandboxConfig, serve\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "serve(SandboxConfig(), port=0, on_ready=lambda url: print(url, flush=True))\n"
        "print('returned')\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().strip()
        with client(url) as api:
            assert api.get("/v1/customers").status_code == 200
        process.send_signal(number)
        assert process.stdout.read() == "returned\n"
        assert process.stderr.read() == ""
        assert process.wait() == 0
