"""Measures what this project's server adds to its engine, and what replicas on Ray Serve bring.

The server's cost is measured with an engine that takes no time. Replicas answer for a tiny
Florence-2 with random weights, one thread each. Callers and replicas share this machine's cores.
"""

import base64
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from urllib.parse import urlsplit

from PIL import Image

from benchmarks._instant_server import WORD, InstantEngine, instant_server
from benchmarks._measure import installed, markdown_table, percentile, take_turns, wall_time
from tests.support.ports import free_port
from tests.support.processes import running
from vlm_backends import Engine, Prompt, Turn, ask, connect, find_model, find_task, read

Ask = Callable[[int], int]  # takes the number of words that are wanted, returns how many came
LLAMA, FLORENCE = "meta/llama-3.2-11b-vision-instruct", "microsoft/florence-2"
IN_PROCESS, STREAMED, WHOLE = (
    "the engine in process",
    "**this server**, streamed",
    "**this server**, whole",
)
_SHORT, _LONG, _PIECES = 100, 3, 2_000  # requests of one piece, and of so many
_CALLERS = 8  # at once, each with one question a round
_REPLICAS = 1, 2, 4
_TASK = "<CAPTION>"


def tables(rounds: int) -> Iterator[str]:
    """Yield the server's own cost, and requests a second with their p95."""
    picture = _picture()
    yield _cost(picture, rounds)
    yield from _throughput(picture, max(1, rounds // 2))


def _picture() -> bytes:
    """Return a small photograph, as JPEG."""
    image, file = Image.open(Path(__file__).parent.parent / "assets" / "cat.jpg"), BytesIO()
    image.thumbnail((320, 320))
    image.save(file, "JPEG")
    return file.getvalue()


def _body(model: str, text: str, picture: bytes, stream: bool = False) -> bytes:
    url = f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
    content = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}]
    return json.dumps(
        {"model": model, "messages": [{"role": "user", "content": content}], "stream": stream}
    ).encode()


def _answered(line: HTTPConnection, path: str, body: bytes) -> bytes:
    """Return the reply's bytes. They are not parsed, so that no client's cost is in the figures."""
    line.request("POST", f"{path}/chat/completions", body, {"Content-Type": "application/json"})
    response = line.getresponse()
    data = response.read()
    if response.status != 200:
        raise RuntimeError(f"{response.status}: {data[:200]!r}")
    return data


def _cost(picture: bytes, rounds: int) -> str:
    """Return a table of a request's cost: of its first piece, and of each further one."""

    def here(words: int) -> int:
        prompt = Prompt((Turn("user", str(words), (read(picture),)),))
        *_, answer = ask(InstantEngine(), find_model(LLAMA), prompt)
        return answer.text.count(WORD)

    def there(words: int, stream: bool) -> int:
        return _answered(line, "/v1", _body(LLAMA, str(words), picture, stream)).count(
            WORD.encode()
        )

    def spent() -> float:
        line.request("GET", "/cpu_time")
        return float(line.getresponse().read())

    with instant_server() as address:
        line = HTTPConnection(address, timeout=60)
        found = take_turns(
            {
                IN_PROCESS: partial(_measured, here, process_time),
                WHOLE: partial(_measured, partial(there, stream=False), spent),
                STREAMED: partial(_measured, partial(there, stream=True), spent),
            },
            rounds,
        )
        line.close()
    medians = {
        name: [median(column) for column in zip(*figures)] for name, figures in found.items()
    }
    medians["what the server adds, streamed"] = [
        a - b for a, b in zip(medians[STREAMED], medians[IN_PROCESS])
    ]
    head = (
        "a picture and an answer at once",
        "one piece, ms",
        "processor, ms",
        "a further piece, µs",
        "processor, µs",
    )
    return markdown_table(
        head, [[name, *(f"{value:.2f}" for value in values)] for name, values in medians.items()]
    )


def _measured(ask_for: Ask, spent: Callable[[], float]) -> tuple[float, ...]:
    """Return milliseconds of a request of one piece, and microseconds of each further piece.

    Each by the clock and in processor time: four figures.
    """
    short, long = _each(ask_for, spent, 1, _SHORT), _each(ask_for, spent, 1 + _PIECES, _LONG)
    clock, work = ((many - one) / _PIECES * 1e6 for one, many in zip(short, long))
    return short[0] * 1e3, short[1] * 1e3, clock, work


def _each(ask_for: Ask, spent: Callable[[], float], words: int, times: int) -> tuple[float, float]:
    """Return the seconds of a request of so many words, by the clock and in processor time."""
    start, before = perf_counter(), spent()
    for _ in range(times):
        if (came := ask_for(words)) != words:
            raise RuntimeError(f"{came} of {words} words came")
    return (perf_counter() - start) / times, (spent() - before) / times


def _throughput(picture: bytes, rounds: int) -> Iterator[str]:
    """Yield requests a second of one process, and of replicas where Ray is installed."""
    with ExitStack() as stack:
        env = stack.enter_context(_weights())
        urls = {"one process, `vlm_backends.server`": stack.enter_context(_server(env))}
        if installed("ray"):
            urls |= stack.enter_context(_on_ray(env))
        sides = {IN_PROCESS: partial(_here, connect(env), picture)}
        sides |= {
            name: partial(_there, url, _body(FLORENCE, _TASK, picture))
            for name, url in urls.items()
        }
        found = take_turns({name: partial(_round, asked) for name, asked in sides.items()}, rounds)
    head = (f"{_CALLERS} callers, {os.cpu_count()} cores", "requests a second", "ratio", "p95, s")
    yield markdown_table(head, [*_rows(found)])
    if not installed("ray"):
        yield "Ray Serve is not measured: ray is not installed."


@contextmanager
def _weights() -> Iterator[dict[str, str]]:
    """Yield the settings with which a process answers with the tiny model, in one thread."""
    import torch
    import transformers

    from tests.support import checkpoints as tiny

    transformers.utils.logging.disable_progress_bar()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        tiny.build(Path(folder), {FLORENCE: tiny.florence2})
        yield {"VLM_ENGINE": "local", "VLM_WEIGHTS": folder, "OMP_NUM_THREADS": "1"}
    torch.set_num_threads(threads)


@contextmanager
def _server(env: Mapping[str, str]) -> Iterator[str]:
    """Run this project's server; yield its base URL."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = [
        sys.executable,
        "-m",
        "vlm_backends.server",
        "--port",
        str(port),
        "--parallel",
        str(_CALLERS),
    ]
    with running(command, f"{address}/health", **env):
        yield f"{address}/v1"


@contextmanager
def _on_ray(env: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Run one Ray Serve application for each number of replicas; yield their base URLs."""
    import ray

    from tests.support import ray_cluster as cluster

    with ExitStack() as stack:
        stack.callback(cluster.started.cache_clear)
        stack.callback(ray.shutdown)
        yield {
            f"Ray Serve, {count} replica{'s' * (count > 1)}": stack.enter_context(
                cluster.running(
                    f"replicas-{count}",
                    env,
                    _options(count, env),
                    engine="local",
                    models=[FLORENCE],
                )
            )
            for count in _REPLICAS
        }


def _options(count: int, env: Mapping[str, str]) -> dict[str, object]:
    # half a core each by Ray's count, so that all replicas find a place
    actor = {"num_cpus": 0.5, "runtime_env": {"env_vars": dict(env)}}
    return {"num_replicas": count, "ray_actor_options": actor}


def _here(engine: Engine, picture: bytes) -> None:
    prompt = Prompt((Turn("user", _TASK, (read(picture),)),))
    for _ in ask(engine, find_model(FLORENCE), prompt, find_task(_TASK)):
        pass


def _there(url: str, body: bytes) -> None:
    at = urlsplit(url)
    line = HTTPConnection(at.netloc, timeout=120)
    _answered(line, at.path, body)
    line.close()


def _round(asked: Callable[[], None]) -> tuple[float, list[float]]:
    """Return requests a second, and how long each request took."""
    start = perf_counter()
    with ThreadPoolExecutor(_CALLERS) as pool:
        each = list(pool.map(lambda _: wall_time(asked), range(_CALLERS)))
    return len(each) / (perf_counter() - start), each


def _rows(found: Mapping[str, list[tuple[float, list[float]]]]) -> Iterator[tuple[str, ...]]:
    rates = {name: median(rate for rate, _ in rounds) for name, rounds in found.items()}
    for name, rounds in found.items():
        every = [taken for _, each in rounds for taken in each]
        yield (
            name,
            f"{rates[name]:.1f}",
            f"{rates[name] / rates[IN_PROCESS]:.2f}",
            f"{percentile(every, 0.95):.2f}",
        )
