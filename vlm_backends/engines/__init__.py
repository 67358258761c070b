"""Choose the engine that answers; there is one module for each wire and runtime."""

from collections.abc import Mapping
from importlib.util import find_spec

from vlm_backends.config import Config, check_key, nvidia_url
from vlm_backends.engines.base import Engine
from vlm_backends.engines.builtin import Embedded
from vlm_backends.engines.http.client import RequestPolicy, fetch, retry_stream
from vlm_backends.engines.local import Local
from vlm_backends.engines.nvidia import NVIDIA
from vlm_backends.engines.openai import OpenAI
from vlm_backends.errors import MissingKey

__all__ = [
    "NVIDIA",
    "Embedded",
    "Local",
    "OpenAI",
    "RequestPolicy",
    "configured_engines",
    "connect",
    "connect_engine",
    "fetch",
    "local_engine",
    "nvidia_with_key",
    "retry_stream",
    "server_engines",
]
_LOCAL_LIBRARIES = "torch", "transformers"


def connect(env: Mapping[str, str] | None = None) -> Engine:
    """Return the engine that this environment asks for; by default the process's own.

    VLM_ENGINE by name. Without it: NVIDIA when there is a key; or the first server of VLM_BASE_URL
    and VLM_SERVERS; or open weights that are on the disk already; or the built-in tools. Raises
    MissingKey or BadPrompt for an invalid setting, even one that this engine does not use: no
    setting is ignored silently.
    """
    return connect_engine(Config.from_env(env))


def connect_engine(config: Config) -> Engine:
    """Return the engine that the configuration asks for. See `connect`. Raises MissingKey."""
    weights = local_engine(config)
    if config.engine == "nvidia" or not config.engine and config.nvidia_key:
        return NVIDIA(config.nvidia_key, config.nvidia_url)
    if config.engine == "openai" or not config.engine and config.servers:
        return server_engines(config)[0]
    if config.engine == "local" and weights is None:
        raise MissingKey(
            "VLM_ENGINE=local needs more libraries: pip install -r requirements-local.txt"
        )
    if config.engine != "embedded" and weights and weights.models():
        return weights
    return Embedded()


def configured_engines(config: Config) -> tuple[Engine, ...]:
    """List every engine of the configuration, the most capable first; NVIDIA also without a key."""
    weights = local_engine(config)
    return (
        NVIDIA(config.nvidia_key, config.nvidia_url),
        *server_engines(config),
        *([weights] if weights else []),
        Embedded(),
    )


def server_engines(config: Config) -> tuple[OpenAI, ...]:
    """List the engines for the configured servers, in their order."""
    return tuple(
        OpenAI(
            server.url,
            server.key,
            name=server.name,
            only=server.models,
            pictures=server.pictures,
        )
        for server in config.servers
    )


def local_engine(config: Config) -> Local | None:
    """Return the engine for open weights; None when its libraries are not installed."""
    if not all(map(find_spec, _LOCAL_LIBRARIES)):
        return None
    if config.zero_gpu:  # such a Space must know the function that borrows its GPU when it starts
        import vlm_backends.engines.local.generation  # noqa: F401
    return Local(
        config.weights,
        config.checkpoints,
        downloads=config.engine == "local",
        offers=config.offers_downloads,
        residents=config.loaded_models,
    )


def nvidia_with_key(key: str, config: Config | None = None) -> NVIDIA:
    """Return NVIDIA's host asked with a visitor's key.

    Without a configuration, NVIDIA_BASE_URL is read now. Raises BadPrompt for what cannot be a key.
    """
    return NVIDIA(check_key(key), config.nvidia_url if config else nvidia_url())
