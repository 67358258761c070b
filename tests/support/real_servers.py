"""Checks the client against real servers from PyPI, with tiny random weights: `python -m tests.support.real_servers`.

Needs `pip install -r requirements-local.txt -r requirements-ray.txt 'transformers[serving]' xllamacpp gguf`; the last two
are llama.cpp's server and its files. `serve run`, of this project's own engines on Ray, listens at port 8000.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from tests.support import checkpoints as tiny
from tests.support.ports import free_port
from tests.support.processes import ROOT, running, until, until_served
from vlm_backends import (
    CancelToken,
    OpenAI,
    Prompt,
    Refused,
    Sampling,
    Turn,
    ask,
    find_model,
    find_task,
    read,
    write_task,
)
from vlm_backends.engines import openai
from vlm_backends.engines.http.client import RequestPolicy

POLICY = RequestPolicy(connect_timeout=5, idle_timeout=120, backoff=0.05)
SIGN = read(ROOT / "assets/sign.jpg")
_LLAMA = """
import sys, time, xllamacpp
settings = xllamacpp.CommonParams()
settings.model.path, settings.port, settings.n_ctx, settings.api_keys = sys.argv[1], int(sys.argv[2]), 512, [sys.argv[3]]
server = xllamacpp.Server(settings)
time.sleep(600)
"""


def prompt(*pictures: object, text: str = "What is in this image?") -> Prompt:
    return Prompt((Turn("user", text, pictures or (SIGN,)),), Sampling(12, 0.2, 0.7, 3))


@contextmanager
def transformers_serve(folder: Path) -> Iterator[OpenAI]:
    """Run `transformers serve` with LLaVA's architecture; yield an engine that asks it."""
    id = str(tiny.build(folder, {"nvidia/neva-22b": tiny.llava})["nvidia/neva-22b"])
    port = free_port()
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", id, "--port", str(port), "--host", "127.0.0.1",
               "--device", "cpu"]  # fmt: skip
    with running(command, f"http://127.0.0.1:{port}/health", HF_HUB_OFFLINE="1"):
        openai.clear_cache()
        yield OpenAI(f"http://127.0.0.1:{port}/v1", "", POLICY, pictures=3)


def check_transformers(engine: OpenAI) -> None:
    """Check a foreign server that sees: it answers, counts tokens, takes several pictures; unknown parameters are left out."""
    (model,) = engine.models()
    talk = Prompt(
        (*prompt().turns, Turn("assistant", "A sign."), *prompt().turns), prompt().sampling
    )
    for asked in (prompt(), prompt(SIGN, SIGN), talk):
        *_, answer = ask(engine, model, asked)
        assert answer.text and answer.tokens == 12
    with_places = replace(model, read=find_model("google/paligemma").read)
    assert "skip_special_tokens" in engine.request(with_places, prompt(), {SIGN: ""})
    assert [*ask(engine, with_places, prompt())][-1].tokens == 12
    stop = CancelToken()
    answers = ask(engine, model, Prompt(prompt().turns, Sampling(8000, 0.2, 0.7)), stop=stop)
    while not next(answers).text:
        pass
    stop.set()
    assert len(list(answers)) < 8000 and [*ask(engine, model, prompt())][-1].text, (
        "it is free again"
    )
    with pytest.raises(Refused, match="pinned"):
        list(ask(engine, replace(model, id="nobody/nothing"), prompt()))


@contextmanager
def llama_cpp(folder: Path) -> Iterator[OpenAI]:
    """Run llama.cpp's server, behind a key, with a model that reads text only."""
    port, key = free_port(), "llama-canary"
    _write_gguf(folder / "tiny.gguf")
    with running(
        [sys.executable, "-c", _LLAMA, str(folder / "tiny.gguf"), str(port), key],
        f"http://127.0.0.1:{port}/health",
    ):
        openai.clear_cache()
        yield OpenAI(f"http://127.0.0.1:{port}/v1", key, POLICY)


def check_llama_cpp(engine: OpenAI) -> None:
    """Check a text-only model: it is not offered, its refusal is a sentence, its stream is read with its token count."""
    assert engine.models() == ()
    stranger = openai.unknown_model("tiny", 1)
    with pytest.raises(Refused, match="takes no pictures"):
        list(ask(engine, stranger, prompt()))
    with pytest.raises(Refused, match="does not accept this key"):
        list(ask(replace(engine, key="wrong"), stranger, prompt()))
    request = {
        "model": "tiny",
        "max_tokens": 5,
        "stream": True,
        "stream_options": {"include_usage": True},
        "skip_special_tokens": False,
    }
    said = list(
        engine._chunks(
            request | {"messages": [{"role": "user", "content": "Hi"}]}, None, CancelToken()
        )
    )
    assert said[-1].tokens == 5 and len(said) > 2
    with pytest.raises(Refused, match="longer than the model"):
        list(
            engine._chunks(
                request | {"messages": [{"role": "user", "content": "Hi " * 2000}]},
                None,
                CancelToken(),
            )
        )


def _write_gguf(path: Path) -> None:
    """Write a llama of one layer whose tokens are bytes."""
    import gguf
    import numpy as np

    width, hidden, words = (
        64,
        128,
        [
            "<unk>",
            "<s>",
            "</s>",
            *(f"<0x{i:02X}>" for i in range(256)),
            *(f"▁w{i}" for i in range(41)),
        ],
    )
    shapes = {name: (width, width) for name in ("attn_q", "attn_k", "attn_v", "attn_output")} | {
        "ffn_gate": (hidden, width), "ffn_up": (hidden, width), "ffn_down": (width, hidden), "attn_norm": (width,), "ffn_norm": (width,),
    }  # fmt: skip
    tensors = {
        "token_embd": (len(words), width),
        "output": (len(words), width),
        "output_norm": (width,),
    }
    tensors |= {f"blk.0.{name}": shape for name, shape in shapes.items()}
    writer, random = gguf.GGUFWriter(path, "llama"), np.random.default_rng(0)
    writer.add_context_length(512)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(hidden)
    writer.add_head_count(4)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(words)
    writer.add_token_scores([-float(i) for i in range(len(words))])
    writer.add_token_types([2, 3, 3, *[6] * 256, *[1] * 41])
    writer.add_chat_template(
        "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"
    )
    for name, shape in tensors.items():
        values = np.ones(shape) if name.endswith("norm") else random.standard_normal(shape) / 20
        writer.add_tensor(f"{name}.weight", values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@contextmanager
def serve_run(folder: Path) -> Iterator[OpenAI]:
    """Run `serve run` on a Ray of its own, ended by the signal that a terminal sends."""
    command = [
        Path(sys.executable).with_name("serve"),
        "run",
        "--address",
        "local",
        "deploy.ray_serve:app",
        "engine=embedded",
    ]
    env = os.environ | {"RAY_TMPDIR": str(folder), "RAY_USAGE_STATS_ENABLED": "0"}
    quiet = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
    }
    process = subprocess.Popen(command, cwd=ROOT, env=env, start_new_session=True, **quiet)
    try:
        until_served("http://127.0.0.1:8000/health", process)
        assert until(
            lambda: requests.get("http://127.0.0.1:8000/health", timeout=10).ok, 90
        )  # Serve's own 404 comes first
        openai.clear_cache()
        yield OpenAI("http://127.0.0.1:8000/v1", "", POLICY)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 0


def check_serve_run(engine: OpenAI) -> None:
    """Check this machine's engine on Ray Serve: it has the whole catalogue, and reads a sign."""
    model, task = find_model("microsoft/florence-2"), find_task("<OCR>")
    assert "tasks here" in engine.capability(model).summary
    *_, answer = ask(engine, model, Prompt((Turn("user", write_task(task), (SIGN,)),)), task)
    assert answer.text.startswith("PINE RIDGE PARK")


if __name__ == "__main__":
    for serve, check in (
        (transformers_serve, check_transformers),
        (llama_cpp, check_llama_cpp),
        (serve_run, check_serve_run),
    ):
        with (
            tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as folder,
            serve(Path(folder)) as engine,
        ):
            check(engine)
            print(f"{serve.__name__}: {check.__doc__}")
