"""Load models into memory and choose the device that they run on."""

import gc
import threading
from collections import OrderedDict
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from vlm_backends.concurrency import CancelToken, run_with_progress
from vlm_backends.types import Chunk

_FAST_BFLOAT16 = {"avx512_bf16", "amx_bf16"}  # with one of these a CPU beats its own float32
_in_memory: OrderedDict[str, "LoadedModel"] = OrderedDict()  # by folder, the last used at the end
_loading = threading.Lock()


@dataclass(frozen=True)
class LoadedModel:
    """A checkpoint in memory: its network, and the processor that prepares the network's input."""

    folder: str
    family: str  # `model_type` of its configuration, such as "florence2"
    network: Any  # classes of transformers: one a family, with `generate` in common
    processor: Any

    @property
    def tokenizer(self) -> Any:
        """Return the tokenizer: text to ids and back."""
        return self.processor.tokenizer


def load(
    folder: str, title: str, capacity: int, cancel: CancelToken
) -> Generator[Chunk, None, LoadedModel | None]:
    """Yield chunks with the seconds so far; return the folder's model, from memory or disk.

    Of the models loaded before, the most recently used stay, so that `capacity` are in memory.
    Returns None when cancelled.
    """
    if loaded := _in_memory.get(folder):
        with suppress(KeyError):  # an abandoned load may have taken its place just now
            _in_memory.move_to_end(folder)
        return loaded
    result: list[LoadedModel] = []

    def work() -> None:
        with _loading:  # wait for an abandoned load instead of repeating it
            if not cancel.is_set():
                result.append(_load_now(folder, capacity))

    for seconds in run_with_progress(work, cancel):
        yield Chunk(status=f"Loading {title} into memory: {seconds:.0f} s so far…")
    return result[0] if result else None


def get_loaded(folder: str) -> LoadedModel:
    """Return the model of a folder that was loaded before. Raises KeyError."""
    return _in_memory[folder]


def _load_now(folder: str, capacity: int) -> LoadedModel:
    if folder not in _in_memory:
        while len(_in_memory) >= max(1, capacity):
            _in_memory.popitem(last=False)
        _free_memory()
        _in_memory[folder] = _read_checkpoint(folder)
    return _in_memory[folder]


def _read_checkpoint(folder: str) -> LoadedModel:
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    processor = transformers.AutoProcessor.from_pretrained(folder)
    network = _read_network(transformers.AutoModelForImageTextToText, folder)
    return LoadedModel(folder, network.config.model_type, network.eval().to(device()), processor)


def _read_network(loader: Any, folder: str) -> Any:
    """Return the network with the fastest attention that is installed for it."""
    if device().type == "cuda" and find_spec("flash_attn"):
        with suppress(ValueError, ImportError):  # not for this network: the default is
            return loader.from_pretrained(
                folder, dtype=dtype(), attn_implementation="flash_attention_2"
            )
    return loader.from_pretrained(folder, dtype=dtype())


@lru_cache(maxsize=1)
def device() -> torch.device:
    """Return the fastest device of this machine: cuda, mps or cpu."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def dtype() -> torch.dtype:
    """Return the number format to compute in: bfloat16 where it is fast, else float16 or 32."""
    if device().type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    fast = device().type == "cpu" and _cpu_flags() & _FAST_BFLOAT16
    return torch.bfloat16 if fast else torch.float32


@lru_cache(maxsize=1)
def _cpu_flags() -> frozenset[str]:
    """Return the CPU's features as Linux lists them; none on other systems."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.split() for line in lines if line.startswith("flags")), ()))


def _free_memory() -> None:
    gc.collect()
    if device().type == "cuda":
        torch.cuda.empty_cache()
