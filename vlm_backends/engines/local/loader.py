"""The models in memory, and the device that they run on."""

import gc
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.local.progress import meanwhile
from vlm_backends.types import Chunk

_FAST = {"avx512_bf16", "amx_bf16"}  # what a processor needs for bfloat16 to be faster than float32
_held: OrderedDict[str, "Resident"] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class Resident:
    """A loaded checkpoint: the network, what prepares its input, and its family's name."""

    folder: str
    family: str
    network: Any
    processor: Any

    @property
    def tokenizer(self) -> Any:
        """What turns ids into text."""
        return self.processor.tokenizer


def load(folder: str, title: str, most: int, stop: CancelToken) -> Iterator[Chunk]:
    """The resident of this folder, from memory or from the disk; chunks say how it goes; None at the stop."""
    if resident := _held.get(folder):
        with suppress(KeyError):  # an abandoned load may have taken its place just now
            _held.move_to_end(folder)
        return resident

    def work() -> Resident | None:
        with _lock:  # a load that was left alone is waited for, not done twice
            if stop.is_set():
                return None
            if folder not in _held:
                while len(_held) >= max(1, most):
                    _held.popitem(last=False)
                _free()
                _held[folder] = _loaded(folder)
            return _held[folder]

    return (
        yield from meanwhile(
            work, lambda seconds: f"Loading {title} into memory: {seconds:.0f} s so far…", stop
        )
    )


def held(folder: str) -> Resident:
    """The resident of a folder that was loaded before."""
    return _held[folder]


def _loaded(folder: str) -> Resident:
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    processor = transformers.AutoProcessor.from_pretrained(folder)
    network = _network(transformers.AutoModelForImageTextToText, folder)
    return Resident(folder, network.config.model_type, network.eval().to(device()), processor)


def _network(kind: Any, folder: str) -> Any:
    """The network with the fastest attention that is there for it."""
    if device().type == "cuda" and find_spec("flash_attn"):
        with suppress(ValueError, ImportError):  # not for this network: the default is
            return kind.from_pretrained(
                folder, dtype=dtype(), attn_implementation="flash_attention_2"
            )
    return kind.from_pretrained(folder, dtype=dtype())


@lru_cache(maxsize=1)
def device() -> torch.device:
    """The best device that is here."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def dtype() -> torch.dtype:
    """bfloat16 where it is fast, float32 elsewhere."""
    if device().type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return (
        torch.bfloat16 if device().type == "cpu" and _processor_flags() & _FAST else torch.float32
    )


@lru_cache(maxsize=1)
def _processor_flags() -> frozenset[str]:
    """What Linux says that the processor can do; nothing elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.split() for line in lines if line.startswith("flags")), ()))


def _free() -> None:
    gc.collect()
    if device().type == "cuda":
        torch.cuda.empty_cache()
