"""One file after the other, each read and used in a process of its own: `with Reader() as read: read(path)`.

A small server has the modules loaded and forks for each file, so that the child's memory counts the imports, and
nothing of one file reaches the next. Times are those of the processor: what else this machine does is not counted.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from vlm_backends import BadPrompt, Region, draw, encode
from vlm_backends.media import exports, images

BOX = Region("place", ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)), is_mask=True)
SPOTS = (0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8)
MOST_S, MOST_MB = 2.0, 600
_LIMITS = {
    resource.RLIMIT_CPU: 40,
    resource.RLIMIT_AS: 3 * 2**30,
}  # a case that goes wild ends, and is lost


class Reader:
    """The server, as a context manager; called with a path, it tells what became of that file."""

    def __enter__(self) -> "Reader":
        pipe = subprocess.PIPE
        quiet = subprocess.DEVNULL
        command = [sys.executable, "-W", "ignore", "-m", __name__]
        self._server = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=quiet, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stdin.close()
        self._server.wait(10)
        self._server.stdout.close()

    def __call__(self, path: Path) -> dict:
        """Return `ended` (seen, refused, or the fault), `said`, `size`, `corners`, `steps` (seconds) and `mb` (peak)."""
        self._server.stdin.write(f"{path}\n")
        self._server.stdin.flush()
        return json.loads(self._server.stdout.readline())


def _serve() -> None:
    for line in sys.stdin:
        far, near = os.pipe()
        if not (child := os.fork()):
            os.close(far)
            for limit, value in _LIMITS.items():
                resource.setrlimit(limit, (value, value))
            with open(near, "w") as answer:
                json.dump(_used(Path(line.strip())), answer)
            os._exit(0)
        os.close(near)
        with open(far) as answer:
            output = answer.read()
        _, status, usage = os.wait4(child, 0)
        found = json.loads(output) if output else {"ended": f"killed, status {status}", "steps": {}}
        print(json.dumps(found | {"mb": usage.ru_maxrss >> 10}), flush=True)


def _used(path: Path) -> dict:
    """Read the file and use it in each way in which the page uses a picture; return the measurements."""
    steps: dict[str, float] = {}

    def step(name: str, use: Callable[[], object]) -> object:
        begun = time.process_time()
        try:
            return use()
        finally:
            steps[name] = round(time.process_time() - begun, 2)

    found = {"steps": steps}
    try:
        picture = step("read", lambda: images.read(path))
        found |= step("look", lambda: _look(picture))
        fitted = step("encode", lambda: encode(picture))
        step("loses", lambda: images.loses_detail(picture, fitted))
        step("as_jpeg", lambda: images.as_jpeg(picture))
        step("draw", lambda: images.export(draw(images.pixels(picture), [BOX]), picture.mime))
        step("svg", lambda: exports.as_svg(picture, [BOX]))
        step("mask", lambda: exports.as_mask(picture, [BOX]))
        step("png", lambda: exports.as_png(picture, [BOX]))
        return found | {"ended": "seen"}
    except BadPrompt as error:
        late = "" if len(steps) == 1 else f"refused late, by {[*steps][-1]}"
        return found | {"ended": late or "refused", "said": str(error)}
    except BaseException as error:
        return found | {"ended": f"{type(error).__name__} in {[*steps][-1]}: {str(error)[:90]}"}


def _look(picture: images.Picture) -> dict:
    pixels = images.pixels(picture)
    spots = [(int(x * pixels.width), int(y * pixels.height)) for x, y in SPOTS]
    same = (picture.width, picture.height) == pixels.size
    return {
        "size": pixels.size if same else (picture.width, picture.height),
        "corners": [pixels.getpixel(at) for at in spots],
    }


if __name__ == "__main__":
    _serve()
