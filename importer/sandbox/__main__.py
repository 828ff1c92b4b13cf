"""The child process of :func:`importer.sandbox.spawned`: it reads options from stdin and writes the URL to stdout."""

import json
import os
import signal
import sys
import threading

from importer.sandbox.sandbox_config import SandboxConfig
from importer.sandbox.server import serve


def _say(answer: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _on_ready(url: str) -> None:
    def watch() -> None:
        sys.stdin.buffer.read()  # returns when the parent closes the pipe or dies
        os.kill(os.getpid(), signal.SIGTERM)  # the server stops on this signal

    threading.Thread(target=watch, name="parent", daemon=True).start()
    _say({"url": url})


def main() -> int:
    """Serve until the parent is gone. Returns 1 if serving could not begin."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C in the terminal
    try:
        serve(SandboxConfig.from_json(sys.stdin.buffer.readline()), port=0, on_ready=_on_ready)
    except (OSError, ValueError) as error:
        _say({"error": str(error)})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
