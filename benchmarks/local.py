"""Measures what the local engine adds to `generate()`, at Florence-2-base's size with random
weights.

Needs requirements-local.txt. Both sides get the same JPEG and question, and generate the same
number of tokens; their rounds alternate.
"""

import io
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median

import torch
import transformers
from PIL import Image

from benchmarks._measure import markdown_table, take_turns
from tests.support import checkpoints as tiny
from vlm_backends import Local, Prompt, Turn, find_model, read
from vlm_backends.engines.local import loader, processors

PICTURE = Path(__file__).parent.parent / "assets" / "sign.jpg"
WORDS = 33
Timing = tuple[float, float]  # seconds to the first words, and for each further token


def checkpoint(folder: Path) -> None:
    """Write a checkpoint of Florence-2-base's shape with random weights.

    768 pixels, 577 image tokens, 12 layers of width 768.
    """
    from transformers import BartConfig, Florence2Config, Florence2ForConditionalGeneration

    _, processor = tiny.florence2()
    tokenizer = processor.tokenizer
    processor.image_processor.size = {"height": 768, "width": 768}
    processor.image_processor.image_seq_length = processor.image_seq_length = (768 // 32) ** 2 + 1
    text = BartConfig(
        vocab_size=max(51289, len(tokenizer)),
        d_model=768,
        encoder_layers=6,
        decoder_layers=6,
        encoder_ffn_dim=3072,
        decoder_ffn_dim=3072,
        encoder_attention_heads=12,
        decoder_attention_heads=12,
        max_position_embeddings=1024,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        decoder_start_token_id=tokenizer.eos_token_id,
    )
    config = Florence2Config(
        vision_config=dict(model_type="florence_vision", projection_dim=768),
        text_config=text.to_dict(),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )
    torch.manual_seed(0)
    network = Florence2ForConditionalGeneration(config).eval()
    words = {id for token, id in tokenizer.get_vocab().items() if token.startswith("Ġ")}
    network.generation_config.suppress_tokens = [
        id for id in range(text.vocab_size) if id not in words
    ]
    network.generation_config.forced_eos_token_id = None
    network.save_pretrained(folder)
    processor.save_pretrained(folder)


def direct(loaded: loader.LoadedModel, data: bytes) -> Timing:
    """Run `generate()` in a thread with an iterator of words, as the library documents."""
    start = time.perf_counter()
    image = Image.open(io.BytesIO(data)).convert("RGB")
    inputs = loaded.processor(text="<CAPTION>", images=image, return_tensors="pt")
    inputs = inputs.to(loaded.network.device, dtype=loaded.network.dtype)
    words = transformers.TextIteratorStreamer(loaded.tokenizer, skip_special_tokens=False)
    options = {"max_new_tokens": WORDS, "do_sample": False, "num_beams": 1, "streamer": words}
    thread = threading.Thread(target=loaded.network.generate, kwargs={**inputs, **options})
    thread.start()
    moments = [time.perf_counter() for word in words if word]
    thread.join()
    return _timing(start, moments)


def ours(engine: Local, data: bytes) -> Timing:
    """Do the same through the engine: waiting line, thread, queue and chunks."""
    model, prompt = (
        find_model("microsoft/florence-2"),
        Prompt((Turn("user", "<CAPTION>", (read(data),)),)),
    )
    start = time.perf_counter()
    return _timing(
        start, [time.perf_counter() for chunk in engine.stream(model, prompt) if chunk.text]
    )


def _timing(start: float, moments: list[float]) -> Timing:
    return moments[0] - start, (moments[-1] - moments[0]) / (len(moments) - 1)


def tables(rounds: int) -> Iterator[str]:
    """Yield the medians of both sides and their ratio."""
    transformers.utils.logging.disable_progress_bar()
    processors._MAX_TOKENS = WORDS  # as many as the other side
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "microsoft" / "florence-2"
        folder.mkdir(parents=True)
        checkpoint(folder)
        engine, data = Local(Path(root)), PICTURE.read_bytes()
        ours(engine, data)
        loaded = loader.get_loaded(str(folder))
        sides = {
            "generate()": partial(direct, loaded, data),
            "this engine": partial(ours, engine, data),
        }
        timings = take_turns(sides, rounds)
    medians = {name: [median(column) for column in zip(*rows)] for name, rows in timings.items()}
    rows = [
        [name, f"{first:.2f} s", f"{token * 1000:.1f} ms"]
        for name, (first, token) in medians.items()
    ]
    ratios = [mine / theirs for mine, theirs in zip(medians["this engine"], medians["generate()"])]
    kind = f"{loader.device().type}, {str(loader.dtype()).rpartition('.')[2]}"
    rows.append(["ratio", *(f"{ratio:.3f}" for ratio in ratios)])
    yield markdown_table((f"Florence-2-base, {kind}", "first words", "a token"), rows)
