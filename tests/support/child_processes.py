"""Runs child processes of the robustness tests: a page, a server or an upstream, and counts what each holds."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.ports import free_port

_OURS = "VLM_", "NVIDIA_", "GRADIO_", "API_KEY_"


def settings(**env: object) -> dict[str, str]:
    """Return the environment of a child process: these settings, and no others of the project."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return (
        kept
        | {"GRADIO_ANALYTICS_ENABLED": "False"}
        | {name: str(value) for name, value in env.items()}
    )


@contextmanager
def child(*arguments: object, log: Path | None = None, **env: object) -> Iterator[subprocess.Popen]:
    """Run a Python process, killed at the end if it still runs; its stderr goes to `log`."""
    with open(log or os.devnull, "a") as complaints:
        process = subprocess.Popen(
            [sys.executable, *map(str, arguments)], cwd=ROOT, env=settings(**env), text=True,
            stdout=subprocess.PIPE, stderr=complaints,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def page(folder: Path, port: int = 0, **env: object) -> Iterator[tuple[str, subprocess.Popen]]:
    """Run `python app.py` with its uploads in this folder; yield its URL, once it answers, and its process."""
    port = port or free_port()
    with child(
        "app.py",
        log=folder / "page.log",
        GRADIO_SERVER_PORT=port,
        GRADIO_TEMP_DIR=folder / "uploads",
        **env,
    ) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            answering(url, process)
        except RuntimeError as error:
            raise RuntimeError(f"{error}: {(folder / 'page.log').read_text()[-2000:]}") from None
        yield url, process


def answering(url: str, process: subprocess.Popen, path: str = "/", seconds: float = 90) -> None:
    """Wait until the process answers at this URL."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(url + path, timeout=10):
            return
        time.sleep(0.05)
    raise RuntimeError(f"{url} does not answer")


def figures(url: str) -> dict:
    """Return what the upstream holds and has seen."""
    with urllib.request.urlopen(f"{url}/figures", timeout=10) as answer:
        return json.load(answer)


@dataclass(frozen=True)
class Held:
    """The resources that a process holds."""

    megabytes: float
    files: int
    sockets: int
    threads: int
    seconds: float  # of a processor, since it began


def held(process: subprocess.Popen) -> Held:
    """Return what the process holds now."""
    folder = Path("/proc") / str(process.pid)
    targets = []
    for entry in (folder / "fd").iterdir():
        with suppress(OSError):  # it was closed meanwhile
            targets.append(os.readlink(entry))
    sockets = sum(target.startswith("socket:") for target in targets)
    pages = int((folder / "statm").read_text().split()[1])
    megabytes = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    spent = sum(
        map(int, (folder / "stat").read_text().rpartition(")")[2].split()[11:13])
    ) / os.sysconf("SC_CLK_TCK")
    return Held(
        megabytes, len(targets) - sockets, sockets, len(list((folder / "task").iterdir())), spent
    )
