"""Runs `python -m vlm_backends.server` in a process of its own, which can be killed and started again."""

import os
import subprocess
import sys
from collections.abc import Sequence

import requests

from tests.support.ports import free_port
from tests.support.processes import until


class Server:
    """The command in a process of its own, at an address that it keeps."""

    def __init__(self, upstream: str, host: str = "127.0.0.1", prefix: Sequence[str] = ()) -> None:
        self.address = f"http://{host}:{free_port()}"
        port = self.address.rpartition(":")[2]
        self._command = [*prefix, sys.executable, "-m", "vlm_backends.server", "--engine", "openai", "--host", host,
                         "--port", port, "--parallel", "128"]  # fmt: skip
        self._env = os.environ | {"VLM_BASE_URL": upstream}
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(self._command, env=self._env, stdout=subprocess.DEVNULL)
        assert until(self._answers, 60), "the server did not come up"

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.address}/health", timeout=2).ok
        except requests.RequestException:
            return False
