"""Runs the local server in the foreground: `python -m tests.support.wire --port 8808`."""

import argparse
import contextlib
import threading

from tests.support.wire.server import Wire


def main() -> None:
    """Run the server in the foreground."""
    options = argparse.ArgumentParser(
        prog="python -m tests.support.wire", description="NVIDIA's wire, without NVIDIA."
    )
    options.add_argument("--port", type=int, default=8808)
    options.add_argument("--pace", type=float, default=0.05, help="seconds between two words")
    given = options.parse_args()
    with Wire(given.port) as wire:
        wire.window, wire.watched = given.pace, True
        print(f"export NVIDIA_API_KEY=nvapi-anything NVIDIA_BASE_URL={wire.url}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
