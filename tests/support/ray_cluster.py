"""Runs one Ray on this machine for all tests, and applications of deploy/ray_serve.py on it."""

import os
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from tests.support.ports import free_port
from tests.support.processes import until

CPUS = 8  # as Ray counts them: this machine's cores are shared by all replicas
CANARY = {"VLM_RAY_CANARY": "ray-canary-0123456789"}  # a key that is set where Ray starts


@lru_cache(maxsize=1)
def started() -> str:
    """Start Ray once; return the URL of Serve's proxy. Ray ends with this process."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_SERVE_LOG_TO_STDERR": "0"} | CANARY
    import ray
    from ray import serve

    ray.init(num_cpus=CPUS, include_dashboard=False, logging_level="error", log_to_driver=False,
             object_store_memory=200 * 2**20, _temp_dir=str(folder()))  # fmt: skip
    port = free_port()
    serve.start(
        http_options={"host": "127.0.0.1", "port": port}, logging_config={"log_level": "ERROR"}
    )
    return f"http://127.0.0.1:{port}"


@lru_cache(maxsize=1)
def folder() -> Path:
    """Return the folder where Ray writes its files and logs."""
    return Path(
        tempfile.mkdtemp(prefix="ray", dir="/tmp")
    )  # short: the paths of sockets have few letters


@contextmanager
def running(name: str, env: Mapping[str, str] | None = None, options: Mapping[str, object] | None = None,
            **given: object) -> Iterator[str]:  # fmt: skip
    """Run an application with these settings; yield its base URL. `options` are Serve's, for the deployment."""
    address = started()
    from ray import serve

    from deploy.ray_serve import Answers, Front, Settings, built

    here = {
        "ray_actor_options": {"runtime_env": {"env_vars": dict(env or {})}},
        "health_check_period_s": 1,
    }
    answers = Answers.options(autoscaling_config=None, num_replicas=1).options(
        **here | dict(options or {})
    )
    serve.run(
        built(Settings(**given), answers, Front.options(**here)), name=name, route_prefix=f"/{name}"
    )
    try:
        yield f"{address}/{name}/v1"
    finally:
        serve.delete(name)


def replicas(app: str, deployment: str) -> list[int]:
    """Return the process ids of a deployment's replicas."""
    title = f"ray::ServeReplica:{app}:{deployment}"
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cmdline").read_bytes().startswith(title.encode()):
                found.append(int(folder.name))
        except OSError:  # it has ended meanwhile
            continue
    return found


def healed(app: str) -> bool:
    """Return True once the application has all its replicas again."""
    from ray import serve

    def whole() -> bool:
        found = serve.status().applications[app]
        return found.status == "RUNNING" and all(
            one.status == "HEALTHY" for one in found.deployments.values()
        )

    return bool(until(whole, 60))


def kill(pid: int) -> None:
    """Kill the process with SIGKILL."""
    os.kill(pid, signal.SIGKILL)
    until(
        lambda: (
            not Path(f"/proc/{pid}/cmdline").exists()
            or not Path(f"/proc/{pid}/cmdline").read_bytes()
        )
    )
