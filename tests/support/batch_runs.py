"""Runs `python -m vlm_backends.annotate` in a process of its own, interrupts it, and counts what it wrote."""

import json
import os
import re
import subprocess
import sys
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tests.support.paths import ROOT
from tests.support.wire import Seen, Wire

_KEY = "nvapi-of-the-fault-run"


_INLINE = re.compile(rb"data:image/png;base64,([A-Za-z0-9+/=]+)")


@dataclass(frozen=True)
class BatchOutcome:
    """The result of a batch that was interrupted."""

    lines: Counter  # whole lines by the picture's name
    broken: int  # lines that are no JSON
    again: int  # questions about pictures whose line was written already
    asked: int
    missed: int  # interruptions that came too late, and a last run that failed


def paint(folder: Path, count: int) -> list[str]:
    """Write small pictures that all differ; return their names."""
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{i:04}.png" for i in range(count)]
    for i, path in enumerate(paths):
        Image.new("RGB", (30, 20), (i % 256, i // 256, 99)).save(path)
    return list(map(str, paths))


def start(folder: Path, wire: Wire, *options: str) -> subprocess.Popen:
    """Start the command on this folder in a process and a process group of its own, as a shell does."""
    env = {**os.environ, "NVIDIA_API_KEY": _KEY, "NVIDIA_BASE_URL": wire.url}
    command = [sys.executable, "-m", "vlm_backends.annotate", str(folder), "--prompt", "What?", "--rpm", "100000",
               "--out", str(folder / "out.jsonl"), *options]  # fmt: skip
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=ROOT, env=env, start_new_session=True, **quiet)


def interrupted(folder: Path, wire: Wire, numbers: Sequence[int]) -> BatchOutcome:
    """Run a batch and interrupt it with each signal in turn, each time later; let the last run end."""
    out, names = folder / "out.jsonl", {_base64(path): str(path) for path in folder.glob("*.png")}
    again, statuses, wire.window = 0, [], 0.002
    for part, number in enumerate([*numbers, 0], 1):
        written, before = {name for name in whole(out) if name}, len(wire.asked("chat"))
        process = start(folder, wire)
        while (
            number
            and process.poll() is None
            and len(whole(out)) < part * len(names) // (len(numbers) + 1)
        ):
            time.sleep(0.01)
        if number:
            process.send_signal(number)
        statuses.append(process.wait(300))
        asked = filter(_is_whole, wire.asked("chat")[before:])
        again += sum(names[_picture(seen)] in written for seen in asked)
    found = whole(out)
    missed = statuses[:-1].count(0) + bool(statuses[-1])
    return BatchOutcome(
        Counter(filter(None, found)), found.count(None), again, len(wire.asked("chat")), missed
    )


def whole(out: Path) -> list[str | None]:
    """Return the name in each complete line; None where the line is not JSON."""
    return [_name(text) for text in out.read_bytes().split(b"\n")[:-1]] if out.exists() else []


def _name(text: bytes) -> str | None:
    try:
        return json.loads(text)["file"]
    except ValueError:
        return None


def _is_whole(seen: Seen) -> bool:
    """Return False for a request that a signal cut off before all of its body had arrived."""
    return len(seen.body) >= int(seen.headers.get("Content-Length", 0))


def _picture(seen: Seen) -> bytes:
    """Return the base64 of the question's picture."""
    return _INLINE.search(seen.body).group(1)


def _base64(path: Path) -> bytes:
    return b64encode(path.read_bytes())
