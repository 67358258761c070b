"""One Ray on this machine for all tests that want it, and applications of deploy/ray_serve.py on it."""

import os
import signal
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from tests.processes import until

CPUS = 8  # as Ray counts them: this machine's cores are shared by all replicas


@lru_cache(maxsize=1)
def started() -> str:
    """The address of Serve's proxy; Ray ends with this process."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_SERVE_LOG_TO_STDERR": "0"}
    import ray
    from ray import serve

    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # short: the paths of sockets have few letters
    ray.init(num_cpus=CPUS, include_dashboard=False, logging_level="error", log_to_driver=False,
             object_store_memory=200 * 2**20, _temp_dir=folder)  # fmt: skip
    port = free_port()
    serve.start(http_options={"host": "127.0.0.1", "port": port}, logging_config={"log_level": "ERROR"})
    return f"http://127.0.0.1:{port}"


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def running(name: str, env: Mapping[str, str] | None = None, options: Mapping[str, object] | None = None,
            **given: object) -> Iterator[str]:  # fmt: skip
    """The base URL of an application with these settings; `options` are Serve's own for its answers."""
    started()
    from ray import serve

    from deploy import ray_serve

    plain = {"autoscaling_config": None, "num_replicas": 1, "health_check_period_s": 1,
             "ray_actor_options": {"num_cpus": 1, "runtime_env": {"env_vars": dict(env or {})}}}  # fmt: skip
    answers = ray_serve.Answers
    ray_serve.Answers = answers.options(**plain | dict(options or {}))
    try:
        built = ray_serve.app(ray_serve.Settings(**given))
    finally:
        ray_serve.Answers = answers
    serve.run(built, name=name, route_prefix=f"/{name}")
    try:
        yield f"{started()}/{name}/v1"
    finally:
        serve.delete(name)


def replicas(app: str, deployment: str) -> list[int]:
    """The processes of a deployment's replicas."""
    title = f"ray::ServeReplica:{app}:{deployment}"
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cmdline").read_bytes().startswith(title.encode()):
                found.append(int(folder.name))
        except OSError:  # it has ended meanwhile
            continue
    return found


def kill(pid: int) -> None:
    """The process ends at once, and says nothing."""
    os.kill(pid, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes())
