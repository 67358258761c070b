"""Load small networks when they are first asked, and let go of idle ones."""

import ctypes
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

WEIGHTS = Path(__file__).parent / "weights"  # its README has sources and licences
IDLE_S = 600.0  # seconds after its last use, a network is let go
_T = TypeVar("_T")


class LoadedNetworks:
    """Holds what loaders return, once for all visitors, until it was idle for a time.

    It may be used from several threads: each value is loaded once, one after another, so that
    memory is not taken twice.
    """

    def __init__(self, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._held: dict[object, tuple[float, Any]] = {}  # when it was last used, and the value
        self._lock = threading.RLock()  # a loader may ask for another network
        self._timer: threading.Timer | None = None

    def get(self, key: object, load: Callable[[], _T]) -> _T:
        """Return the value of `key`; `load` makes it when it is not held."""
        with self._lock:
            value = self._held[key][1] if key in self._held else load()
            self._held[key] = time.monotonic(), value
            if self._timer is None:
                self._look_again()
            return value

    def __len__(self) -> int:
        return len(self._held)

    def _look_again(self) -> None:
        self._timer = threading.Timer(self._idle_s, self._drop_idle)
        self._timer.daemon = True
        self._timer.start()

    def _drop_idle(self) -> None:
        with self._lock:
            oldest = time.monotonic() - self._idle_s
            before = len(self._held)
            self._held = {key: held for key, held in self._held.items() if held[0] > oldest}
            self._timer = None
            if self._held:
                self._look_again()
            if len(self._held) < before:
                return_memory()


def return_memory() -> None:
    """Return what was freed to the system: glibc keeps it; other C libraries cannot be asked.

    It takes a few milliseconds.
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


LOADED = LoadedNetworks()


def session(name: str) -> Any:
    """Return the onnxruntime session of a file in `weights/`, on one thread."""
    return LOADED.get(name, lambda: open_session(WEIGHTS / name))


def open_session(path: Path) -> Any:
    """Load an ONNX file; one thread a picture is fastest for networks this small."""
    # otherwise onnxruntime, from 1.29 on, sends telemetry to Microsoft
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False  # an arena keeps what the largest picture took
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
