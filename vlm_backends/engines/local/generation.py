"""Generate text from tensors in a thread, and yield the pieces as they are made."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from typing import Any

import torch
from transformers import StoppingCriteria, StoppingCriteriaList, TextStreamer

from vlm_backends.concurrency import CancelToken, iterate_pushed
from vlm_backends.config import is_zero_gpu
from vlm_backends.engines.local import loader
from vlm_backends.engines.local.loader import LoadedModel
from vlm_backends.engines.local.processors import ModelInputs
from vlm_backends.types import Chunk

_ON_ZERO_GPU = is_zero_gpu()  # a Space that borrows its GPU for each call


def generate_stream(
    loaded: LoadedModel, inputs: ModelInputs, cancel: CancelToken
) -> Iterator[Chunk]:
    """Yield the words as they are made, special tokens included, and last why they ended early.

    Ends within one step of the network after the cancellation. When it ends, the device is free.
    """
    yield Chunk(status="Looking at the picture…")
    if _ON_ZERO_GPU:
        pieces = _pieces_on_zero_gpu(loaded.folder, inputs)
    else:
        pieces = _pieces(loaded, inputs, cancel)
    with closing(pieces):
        for piece in pieces:
            if cancel.is_set():
                return
            yield piece


def generate_batch(
    loaded: LoadedModel, batch: Sequence[ModelInputs], cancels: Sequence[CancelToken]
) -> list[Chunk]:
    """Return the whole answers of an encoder-decoder to several questions, made in one pass.

    All are generated with the options of the first. It ends early once all of them are cancelled.
    """
    tokenizer, network = loaded.tokenizer, loaded.network
    prompts = [
        {name: each.inputs[name][0] for name in ("input_ids", "attention_mask")} for each in batch
    ]
    padded = tokenizer.pad(prompts, padding_side="right", return_tensors="pt")
    pixels = torch.cat([each.inputs["pixel_values"] for each in batch])
    stop = StopWhen(lambda: all(cancel.is_set() for cancel in cancels))
    with torch.inference_mode():
        rows = network.generate(
            **padded.to(network.device),
            pixel_values=pixels,
            stopping_criteria=StoppingCriteriaList([stop]),
            **batch[0].options,
        )
    made = [row[row != tokenizer.pad_token_id] for row in rows]
    return [
        Chunk(
            tokenizer.decode(ids, skip_special_tokens=False),
            finish=_finish(network, batch[0], ids[1:]),
        )
        for ids in made
    ]


def _pieces(
    loaded: LoadedModel, inputs: ModelInputs, cancel: CancelToken
) -> Generator[Chunk, None, None]:
    """Yield the pieces of text; the thread is waited for, since the device is free only then."""

    def work(push: Callable[[Chunk], None], is_over: Callable[[], bool]) -> None:
        _generate(loaded, inputs, is_over, push)

    return iterate_pushed(work, cancel, name="generate", join=True)


def _generate(
    loaded: LoadedModel,
    inputs: ModelInputs,
    is_over: Callable[[], bool],
    push: Callable[[Chunk], object],
) -> None:
    """Run the network to its end or until `is_over`; the text of a beam search is pushed once."""
    network, tokenizer = loaded.network, loaded.tokenizer
    repeats_prompt = not network.config.is_encoder_decoder  # its output begins with the input
    if inputs.seed is not None:
        torch.manual_seed(inputs.seed)
    options = {
        **inputs.inputs,
        **inputs.options,
        "stopping_criteria": StoppingCriteriaList([StopWhen(is_over)]),
    }
    start = inputs.inputs["input_ids"].shape[1] if repeats_prompt else 0
    with torch.inference_mode():
        if inputs.options.get("num_beams", 1) == 1:
            streamer = PushStreamer(tokenizer, lambda text: push(Chunk(text)), repeats_prompt)
            ids = network.generate(**options, streamer=streamer)[0]
        else:
            ids = network.generate(**options)[0]
            push(Chunk(tokenizer.decode(ids[start:], skip_special_tokens=False)))
    if finish := _finish(network, inputs, ids[start or 1 :]):
        push(Chunk(finish=finish))


def _finish(network: Any, inputs: ModelInputs, made: torch.Tensor) -> str:
    """Return why a network ended: "length" when it may make no more tokens; else empty.

    `made` (N,) holds the ids that it made, without those that it was given. Some networks are made
    to end with their last token.
    """
    settings = network.generation_config
    ends = settings.eos_token_id  # one, or a list
    ends = ends if isinstance(ends, list) else [ends]
    is_at_limit = len(made) >= inputs.options["max_new_tokens"]
    is_forced = getattr(settings, "forced_eos_token_id", None) is not None
    return "length" if is_at_limit and (is_forced or int(made[-1]) not in ends) else ""


class PushStreamer(TextStreamer):
    """Hands whole words to a function as they are finished."""

    def __init__(self, tokenizer: Any, push: Callable[[str], object], skip_prompt: bool) -> None:
        super().__init__(tokenizer, skip_prompt=skip_prompt, skip_special_tokens=False)
        self._push = push

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        """Push the text, unless there is none."""
        if text:
            self._push(text)


class StopWhen(StoppingCriteria):
    """Ends every sequence of a batch at the next step once a function says so."""

    def __init__(self, is_over: Callable[[], bool]) -> None:
        self._is_over = is_over

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> Any:
        """Return a bool for each sequence (N,), on their device."""
        return torch.full(
            (input_ids.shape[0],), self._is_over(), dtype=torch.bool, device=input_ids.device
        )


def _pieces_on_zero_gpu(folder: str, inputs: ModelInputs) -> Generator[Chunk, None, None]:
    """Yield the pieces in the process that a ZeroGPU Space lends its GPU to.

    No token crosses to that process: a cancellation reaches it as a closed generator.
    """
    yield from _pieces(loader.get_loaded(folder), inputs, CancelToken())


if _ON_ZERO_GPU:
    import spaces  # pyright: ignore[reportMissingImports]  # only such a Space has it

    _pieces_on_zero_gpu = spaces.GPU(_pieces_on_zero_gpu)
