"""Runs this project's server with an engine that takes no time, so that only the server's cost is
left.

The process prints its port in its first line; `/cpu_time` returns the processor time that it
took, in seconds.
"""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import process_time

import uvicorn

from tests.support.fake_engine import FakeEngine
from vlm_backends import CancelToken, Chunk, Model, Prompt
from vlm_backends.engines.base import Traits
from vlm_backends.server.app import application

WORD = "word"


class InstantEngine(FakeEngine):
    """An engine that answers at once; the question is the number of words in the answer."""

    name = "Instant engine"
    traits = Traits("builtin", concurrency=256)

    def stream(
        self, model: Model, prompt: Prompt, cancel: CancelToken | None = None
    ) -> Iterator[Chunk]:
        """Yield one piece a word."""
        for _ in range(int(prompt.turns[-1].text)):
            yield Chunk(f"{WORD} ")


@contextmanager
def instant_server() -> Iterator[str]:
    """Run the server until the end of the block; yield its host and port."""
    command = [sys.executable, "-m", "benchmarks._instant_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield f"127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


def main() -> None:
    """Serve until the process is ended."""
    app = application(InstantEngine())

    @app.get("/cpu_time")
    async def cpu_time() -> float:
        return process_time()

    # asyncio sends small pieces at once only on a socket that says that it is TCP
    with socket.socket(proto=socket.IPPROTO_TCP) as sock:
        sock.bind(("127.0.0.1", 0))
        print(sock.getsockname()[1], flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[sock])


if __name__ == "__main__":
    main()
