"""From tensors to words as they are made: `generate` in a thread, its pieces in a queue."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import torch
from transformers import StoppingCriteria, StoppingCriteriaList, TextStreamer

from vlm_backends.concurrency import CancelToken
from vlm_backends.config import is_zero_gpu
from vlm_backends.engines.local import loader
from vlm_backends.engines.local.loader import Resident
from vlm_backends.engines.local.processors import Asked
from vlm_backends.types import Chunk

_BORROWS = is_zero_gpu()


def speak(resident: Resident, asked: Asked, stop: CancelToken) -> Iterator[Chunk]:
    """The words as they are made, special tokens and all; ends within one step of the stop."""
    yield Chunk(status="Looking at the picture…")
    pieces = _borrowed(resident.folder, asked) if _BORROWS else _pieces(resident, asked, stop)
    with closing(pieces):
        for text in pieces:
            if stop.is_set():
                return
            yield Chunk(text)


def together(resident: Resident, asked: Sequence[Asked], stops: Sequence[CancelToken]) -> list[str]:
    """The whole answers to several questions of an encoder-decoder, asked with the same options, in one pass."""
    tokenizer, (first, *_) = resident.tokenizer, asked
    words = [
        {name: one.inputs[name][0] for name in ("input_ids", "attention_mask")} for one in asked
    ]
    padded = tokenizer.pad(words, padding_side="right", return_tensors="pt").to(
        resident.network.device
    )
    pixels = torch.cat([one.inputs["pixel_values"] for one in asked])
    ended = StoppingCriteriaList([_Ended(lambda: all(stop.is_set() for stop in stops))])
    with torch.inference_mode():
        rows = resident.network.generate(
            **padded, pixel_values=pixels, stopping_criteria=ended, **first.options
        )
    return [
        tokenizer.decode(row[row != tokenizer.pad_token_id], skip_special_tokens=False)
        for row in rows
    ]


def _pieces(resident: Resident, asked: Asked, stop: CancelToken) -> Iterator[str]:
    pieces: queue.Queue[str | BaseException | None] = queue.Queue()
    left = threading.Event()

    def work() -> None:
        try:
            _generate(resident, asked, lambda: stop.is_set() or left.is_set(), pieces.put)
            pieces.put(None)
        except BaseException as error:
            pieces.put(error)

    thread = threading.Thread(target=work, name="generate", daemon=True)
    thread.start()
    try:
        while (piece := pieces.get()) is not None:
            if isinstance(piece, BaseException):
                raise piece
            yield piece
    finally:
        left.set()
        thread.join()  # the device is free only then


def _generate(
    resident: Resident, asked: Asked, ended: Callable[[], bool], say: Callable[[str], object]
) -> None:
    """Runs the network to its end, or to the stop; beams cannot be streamed, and come as one piece."""
    network, tokenizer = resident.network, resident.tokenizer
    own = network.config.is_encoder_decoder
    if asked.seed is not None:
        torch.manual_seed(asked.seed)
    options = {
        **asked.inputs,
        **asked.options,
        "stopping_criteria": StoppingCriteriaList([_Ended(ended)]),
    }
    with torch.inference_mode():
        if asked.options.get("num_beams", 1) == 1:
            network.generate(**options, streamer=_Streamer(tokenizer, say, skip_prompt=not own))
        else:
            ids = network.generate(**options)[0]
            fresh = ids if own else ids[asked.inputs["input_ids"].shape[1] :]
            say(tokenizer.decode(fresh, skip_special_tokens=False))


class _Streamer(TextStreamer):
    """Hands over whole words as they are finished."""

    def __init__(self, tokenizer: Any, say: Callable[[str], object], skip_prompt: bool) -> None:
        super().__init__(tokenizer, skip_prompt=skip_prompt, skip_special_tokens=False)
        self._say = say

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        if text:
            self._say(text)


class _Ended(StoppingCriteria):
    """Ends every sequence once the visitor has had enough."""

    def __init__(self, ended: Callable[[], bool]) -> None:
        self._ended = ended

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        return torch.full(
            (input_ids.shape[0],), self._ended(), dtype=torch.bool, device=input_ids.device
        )


def _borrowed(folder: str, asked: Asked) -> Iterator[str]:
    """The pieces, made in the process that a ZeroGPU Space lends its GPU to; a stop there is a closed generator."""
    yield from _pieces(loader.held(folder), asked, CancelToken())


if _BORROWS:
    import spaces

    _borrowed = spaces.GPU(_borrowed)
