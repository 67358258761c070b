"""A server whose engine says at once as many words as it is asked for, in a process of its own: all else is the server.

Its first line is its port; `/spent` says how many seconds of the processor it has taken.
"""

import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import process_time

import uvicorn

from vlm_backends import CATALOGUE, CancelToken, Chunk, Model, Prompt, Task
from vlm_backends.engines.base import Capability, Observation, Traits
from vlm_backends.server.app import application

WORD = "word"


class Reciter:
    """An engine that takes no time of its own: the question is the number of words."""

    name = "Reciter"

    def models(self) -> Sequence[Model]:
        """All of the catalogue."""
        return CATALOGUE

    @property
    def traits(self) -> Traits:
        """It is here, and needs nothing."""
        return Traits("builtin")

    def capability(self, model: Model, task: Task | None = None) -> Capability:
        """Always the same."""
        return Capability(True, "recites")

    def state(self, model: Model, task: Task | None = None) -> str:
        """Always the same."""
        return self.capability(model, task).summary

    def with_key(self, key: str) -> "Reciter":
        """Itself: it takes no key."""
        return self

    def probe(self, models: Sequence[Model]) -> Iterator[tuple[Model, Observation]]:
        """Nothing: there is no address to look at."""
        return iter(())

    def stream(
        self, model: Model, prompt: Prompt, stop: CancelToken | None = None
    ) -> Iterator[Chunk]:
        """A piece a word."""
        for _ in range(int(prompt.turns[-1].text)):
            yield Chunk(f"{WORD} ")


@contextmanager
def served() -> Iterator[str]:
    """The server's host and port, until the end of the block."""
    command = [sys.executable, "-m", "benchmarks._recital"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield f"127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


def main() -> None:
    """Serves until it is ended."""
    app = application(Reciter())

    @app.get("/spent")
    async def spent() -> float:
        return process_time()

    with socket.socket(
        proto=socket.IPPROTO_TCP
    ) as sock:  # asyncio sends at once only if it says that it is TCP
        sock.bind(("127.0.0.1", 0))
        print(sock.getsockname()[1], flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[sock])


if __name__ == "__main__":
    main()
