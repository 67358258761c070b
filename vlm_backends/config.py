"""The settings of a process: read once from the environment into one frozen `Config`.

No other module reads settings from the environment. An invalid setting raises BadPrompt or
MissingKey with one sentence, even when the chosen engine does not use it: no setting is ignored
silently. Keys and passwords appear in no repr.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vlm_backends.errors import BadPrompt, MissingKey, VLMError
from vlm_backends.models import CATALOGUE
from vlm_backends.owner_servers import ServerConfig, check_key, is_address, read_servers
from vlm_backends.ratelimit import VisitorLimits

NVIDIA_KEYS = "NVIDIA_API_KEY", "API_KEY_REQUIRED_IF_EXECUTING_OUTSIDE_NGC"  # the first that is set
ENGINES = "nvidia", "openai", "local", "embedded"
OCR_SCRIPTS = "cyrillic", "devanagari", "greek", "korean", "tamil", "telugu", "thai"
_LOCAL_HOSTS = "127.0.0.1", "localhost", "::1"
_PUBLIC_LIMITS = VisitorLimits(questions=30, streams=8, megabytes=500, budget=1000)

Environment = Mapping[str, str]


@dataclass(frozen=True)
class Config:
    """All settings of a process."""

    engine: str = ""  # VLM_ENGINE: one of ENGINES; empty: the best that is available
    nvidia_key: str = field(default="", repr=False)
    nvidia_url: str = ""  # NVIDIA_BASE_URL: replaces scheme, host and port
    servers: tuple[ServerConfig, ...] = ()  # VLM_BASE_URL first, then VLM_SERVERS
    weights: Path | None = None  # VLM_WEIGHTS: the folder of checkpoints
    checkpoints: Mapping[str, str] = field(default_factory=dict)  # model id -> hub id
    loaded_models: int = 1  # VLM_RESIDENTS: models that stay in memory
    limits: VisitorLimits = VisitorLimits()
    accounts: Mapping[str, str] = field(default_factory=dict, repr=False)
    server_key: str = field(default="", repr=False)  # VLM_SERVER_KEY: what callers must send
    host: str = ""  # GRADIO_SERVER_NAME: where the page listens
    port: str = ""  # GRADIO_SERVER_PORT: checked when the page starts
    temp_folder: str = ""  # GRADIO_TEMP_DIR
    zero_gpu: bool = False  # a Space that borrows its GPU for each call
    offers_downloads: bool = True  # visitors may download open weights by a button
    opens_with_samples: bool = True  # the page answers its samples when it starts

    @classmethod
    def from_env(cls, env: Environment | None = None, engine: str | None = None) -> Config:
        """Read and validate every setting; `engine` replaces VLM_ENGINE, also when it is empty.

        Reads the process's environment by default. Raises BadPrompt or MissingKey.
        """
        env = _with_engine(os.environ if env is None else env, engine)
        settings: dict[str, Any] = {}
        for read in (*_ENGINE_SETTINGS, _read_engine, *_PROGRAM_SETTINGS):
            settings |= read(env)
        config = cls(**settings)
        _check_engine(config)
        return config

    @classmethod
    def usable(cls, env: Environment | None = None) -> Config:
        """Read the valid settings and leave out the engines whose settings are invalid.

        For a page that was given an engine already and only looks for others. Raises BadPrompt for
        limits and accounts: a page must not start without those that its owner wants.
        """
        env = os.environ if env is None else env
        settings: dict[str, Any] = {"engine": _engine_name(env)}
        for read in _ENGINE_SETTINGS:
            with suppress(VLMError):
                settings |= read(env)
        for read in _PROGRAM_SETTINGS:
            settings |= read(env)
        return cls(**settings)


def nvidia_url(env: Environment | None = None) -> str:
    """Return NVIDIA_BASE_URL; empty when unset. Raises BadPrompt."""
    base = _get(os.environ if env is None else env, "NVIDIA_BASE_URL")
    if base and not is_address(base):
        raise BadPrompt("NVIDIA_BASE_URL must be an address such as http://127.0.0.1:8808.")
    return base


def server_key(env: Environment | None = None) -> str:
    """Return VLM_SERVER_KEY, which callers of a server must send; empty when unset.

    Raises BadPrompt.
    """
    key = _get(os.environ if env is None else env, "VLM_SERVER_KEY")
    return check_key(key, "VLM_SERVER_KEY")


def is_zero_gpu(env: Environment | None = None) -> bool:
    """Return True on a Space that borrows its GPU for each call."""
    return bool((os.environ if env is None else env).get("SPACES_ZERO_GPU"))


def thread_limit(env: Environment | None = None) -> int | None:
    """Return how many cores one computation may use, by OMP_NUM_THREADS; None when unset."""
    value = (
        (os.environ if env is None else env).get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    )
    return int(value) if value.isdecimal() and int(value) else None


def ocr_script(env: Environment | None = None) -> str:
    """Return VLM_OCR_SCRIPT, one of OCR_SCRIPTS; empty when unset. Raises BadPrompt."""
    script = _get(os.environ if env is None else env, "VLM_OCR_SCRIPT").lower()
    if script and script not in OCR_SCRIPTS:
        raise BadPrompt(f"VLM_OCR_SCRIPT is one of {', '.join(OCR_SCRIPTS)}, or unset.")
    return script


def detector_path(env: Environment | None = None) -> Path | None:
    """Return VLM_DETECTOR, an ONNX file with its kinds in a text file beside it; None when unset.

    Raises BadPrompt.
    """
    named = _get(os.environ if env is None else env, "VLM_DETECTOR")
    if not named:
        return None
    path = Path(named)
    if path.suffix != ".onnx" or not path.is_file():
        raise BadPrompt("VLM_DETECTOR must be the path of an ONNX file, such as yolox_s.onnx.")
    if not path.with_suffix(".txt").is_file():
        raise BadPrompt(
            f"VLM_DETECTOR: beside {path.name} its kinds of things are missing: "
            f"{path.with_suffix('.txt').name}, one name a line."
        )
    return path


def ocr_folder(env: Environment | None = None) -> Path:
    """Return the folder of further recognisers: VLM_OCR_FOLDER, or one in the user's cache."""
    env = os.environ if env is None else env
    cache = Path(_get(env, "XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(_get(env, "VLM_OCR_FOLDER") or cache / "vlm-showcase")


def read_limits(env: Environment) -> VisitorLimits:
    """Read the visitors' limits; a page that others can reach has some by default.

    Raises BadPrompt.
    """
    proxies = _proxies(env)
    default = _PUBLIC_LIMITS if _is_public(env) else VisitorLimits()
    return VisitorLimits(
        _count(env, "VLM_LIMIT_QUESTIONS", default.questions),
        _count(env, "VLM_LIMIT_STREAMS", default.streams),
        _count(env, "VLM_LIMIT_MEGABYTES", default.megabytes),
        _count(env, "VLM_BUDGET", default.budget),
        proxies,
    )


def _proxies(env: Environment) -> int:
    return _count(env, "VLM_TRUSTED_PROXIES", int(bool(env.get("SPACE_ID")))) or 0


def _is_public(env: Environment) -> bool:
    """Return True when others than this machine can reach the page."""
    remote = _get(env, "GRADIO_SERVER_NAME") not in ("", *_LOCAL_HOSTS)
    return bool(remote or _proxies(env) or env.get("SPACE_ID") or env.get("GRADIO_SHARE"))


def read_accounts(env: Environment) -> dict[str, str]:
    """Read names and passwords from VLM_AUTH: one pair, or a file with a pair on each line.

    Returns nothing when it is unset: no login. Raises BadPrompt, which repeats no password.
    """
    setting = _get(env, "VLM_AUTH")
    if not setting:
        return {}
    try:
        text = Path(setting).read_text(encoding="utf-8") if Path(setting).is_file() else setting
    except (OSError, ValueError):
        raise BadPrompt("The file that VLM_AUTH names cannot be read.") from None
    pairs = [line.strip().partition(":") for line in text.splitlines() if line.strip()]
    if not pairs or not all(name and password for name, _, password in pairs):
        raise BadPrompt(
            "VLM_AUTH is name:password, or the path of a file that has such a pair on each line."
        )
    return {name: password for name, _, password in pairs}


def _get(env: Environment, name: str) -> str:
    return env.get(name, "").strip()


def _with_engine(env: Environment, engine: str | None) -> Environment:
    return env if engine is None else {**env, "VLM_ENGINE": engine}


def _engine_name(env: Environment) -> str:
    return _get(env, "VLM_ENGINE").lower()


def _read_nvidia(env: Environment) -> dict[str, Any]:
    key = next((check_key(_get(env, name), name) for name in NVIDIA_KEYS if _get(env, name)), "")
    return {"nvidia_key": key, "nvidia_url": nvidia_url(env)}


def _read_weights(env: Environment) -> dict[str, Any]:
    folder = _get(env, "VLM_WEIGHTS")
    if folder and not Path(folder).is_dir():
        raise BadPrompt(f"VLM_WEIGHTS={folder[:200]} is no folder.")
    loaded = _get(env, "VLM_RESIDENTS") or "1"
    if not loaded.isdecimal() or not 1 <= int(loaded) <= 16:
        raise BadPrompt("VLM_RESIDENTS must be a whole number from 1 to 16.")
    return {
        "weights": Path(folder) if folder else None,
        "loaded_models": int(loaded),
        "checkpoints": _checkpoints(env.get("VLM_CHECKPOINTS", "")),
    }


def _check_builtin_tools(env: Environment) -> dict[str, Any]:
    """Check the script and the detector: no fields, as the process's built-in tools read them."""
    ocr_script(env)
    detector_path(env)
    return {}


def _checkpoints(setting: str) -> dict[str, str]:
    """Parse pairs `model=hub id`, separated by commas."""
    pairs = [pair.partition("=") for pair in setting.split(",") if pair.strip()]
    known = {model.id for model in CATALOGUE if model.weights}
    for name, _, id in pairs:
        if name.strip() not in known or id.strip().count("/") != 1:
            raise BadPrompt(
                "VLM_CHECKPOINTS: pairs such as "
                "microsoft/florence-2=florence-community/Florence-2-large."
            )
    return {name.strip(): id.strip() for name, _, id in pairs}


def _read_engine(env: Environment) -> dict[str, Any]:
    name = _engine_name(env)
    if name and name not in ENGINES:
        raise BadPrompt(
            f"VLM_ENGINE={name[:40]} is not known. "
            "Use nvidia, openai, local or embedded, or unset it."
        )
    return {"engine": name}


def _read_program(env: Environment) -> dict[str, Any]:
    return {
        "server_key": server_key(env),
        "host": _get(env, "GRADIO_SERVER_NAME"),
        "port": _get(env, "GRADIO_SERVER_PORT"),
        "temp_folder": _get(env, "GRADIO_TEMP_DIR"),
        "zero_gpu": is_zero_gpu(env),
        # strangers must not fill the owner's disk
        "offers_downloads": _engine_name(env) == "local"
        or not (_engine_name(env) or _is_public(env)),
        "opens_with_samples": _get(env, "VLM_SAMPLES").lower() != "off",
    }


def _check_engine(config: Config) -> None:
    """Raise MissingKey when the engine that is asked for lacks its key or its server."""
    if config.engine == "nvidia" and not config.nvidia_key:
        raise MissingKey("VLM_ENGINE=nvidia needs a key: set NVIDIA_API_KEY, or unset VLM_ENGINE.")
    if config.engine == "openai" and not config.servers:
        raise MissingKey(
            "VLM_ENGINE=openai needs a server: set VLM_BASE_URL, such as http://127.0.0.1:8000/v1."
        )


def _count(env: Environment, name: str, default: int | None) -> int | None:
    """Read a whole number, which is at least 1 for a limit; return None for "off"."""
    setting, least = _get(env, name).lower(), 1 if "LIMIT" in name else 0
    if setting in ("", "off"):
        return None if setting else default
    number = setting.isdecimal() and setting.isascii() and len(setting) <= 9
    if not number or int(setting) < least:
        raise BadPrompt(f"{name} must be a whole number{' from 1' if least else ''}, or off.")
    return int(setting)


_ENGINE_SETTINGS = (
    _read_nvidia,
    lambda env: {"servers": read_servers(env)},
    _read_weights,
    _check_builtin_tools,
)
_PROGRAM_SETTINGS = (
    lambda env: {"limits": read_limits(env)},
    lambda env: {"accounts": read_accounts(env)},
    _read_program,
)
