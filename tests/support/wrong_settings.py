"""Invalid settings, each with the word by which the refusal names it."""

import socket
from pathlib import Path
from tempfile import mkdtemp

_TAKEN = socket.create_server(("127.0.0.1", 0))  # held as long as this process lives
_PORT = str(_TAKEN.getsockname()[1])
_FOLDER = Path(mkdtemp(prefix="settings-"))
_BROKEN = _FOLDER / "broken.json"
_BROKEN.write_text('[{"name": "Lab", "url"')
_FILE = str(_BROKEN / "below-a-file")


def _servers(entry: str) -> dict[str, str]:
    return {"VLM_SERVERS": f"[{entry}]"}


_BOTH = [
    ({"NVIDIA_API_KEY": "two words"}, "NVIDIA_API_KEY"),
    ({"NVIDIA_API_KEY": "nvapi-\u043a\u043b\u044e\u0447"}, "NVIDIA_API_KEY"),
    (
        {"API_KEY_REQUIRED_IF_EXECUTING_OUTSIDE_NGC": "line\nbreak"},
        "API_KEY_REQUIRED_IF_EXECUTING_OUTSIDE_NGC",
    ),
    ({"NVIDIA_BASE_URL": "127.0.0.1:8808"}, "NVIDIA_BASE_URL"),
    ({"NVIDIA_BASE_URL": "ftp://127.0.0.1", "NVIDIA_API_KEY": "nvapi-x"}, "NVIDIA_BASE_URL"),
    ({"VLM_ENGINE": "openvino"}, "VLM_ENGINE"),
    ({"VLM_ENGINE": "nvidia"}, "NVIDIA_API_KEY"),
    ({"VLM_ENGINE": "openai"}, "VLM_BASE_URL"),
    ({"VLM_BASE_URL": "localhost:8000"}, "VLM_BASE_URL"),
    ({"VLM_BASE_URL": "http://[::1"}, "VLM_BASE_URL"),
    ({"VLM_BASE_URL": "http://127.0.0.1:1/v1", "VLM_API_KEY": "two words"}, "VLM_API_KEY"),
    ({"VLM_SERVERS": "nowhere.json"}, "VLM_SERVERS"),
    ({"VLM_SERVERS": str(_BROKEN)}, "VLM_SERVERS"),
    ({"VLM_SERVERS": str(_FOLDER)}, "VLM_SERVERS"),
    ({"VLM_SERVERS": '{"name": "Lab"}'}, "VLM_SERVERS"),
    (_servers('"Lab"'), "VLM_SERVERS"),
    (_servers('{"name": "Lab"}'), "url"),
    (_servers('{"name": "Lab", "url": "lab:1"}'), "url"),
    (_servers('{"name": "NVIDIA", "url": "http://lab:1"}'), "VLM_SERVERS"),
    (
        _servers('{"name": "Lab", "url": "http://lab:1"}, {"name": "lab", "url": "http://lab:2"}'),
        "VLM_SERVERS",
    ),
    (_servers('{"name": "Lab", "url": "http://lab:1", "speed": 9}'), "speed"),
    (_servers('{"name": "Lab", "url": "http://lab:1", "models": "all"}'), "models"),
    (_servers('{"name": "Lab", "url": "http://lab:1", "pictures": 0}'), "pictures"),
    (_servers('{"name": "Lab", "url": "http://lab:1", "key": "sk-secret"}'), "key"),
    (_servers('{"name": "Lab", "url": "http://lab:1", "key": "NOT_SET_ANYWHERE"}'), "key"),
    ({"VLM_WEIGHTS": str(_FOLDER / "none")}, "VLM_WEIGHTS"),
    ({"VLM_WEIGHTS": str(_BROKEN), "NVIDIA_API_KEY": "nvapi-x"}, "VLM_WEIGHTS"),
    ({"VLM_CHECKPOINTS": "florence-2"}, "VLM_CHECKPOINTS"),
    ({"VLM_CHECKPOINTS": "microsoft/florence-2=base"}, "VLM_CHECKPOINTS"),
    ({"VLM_CHECKPOINTS": "nobody/none=a/b"}, "VLM_CHECKPOINTS"),
    ({"VLM_RESIDENTS": "many"}, "VLM_RESIDENTS"),
    ({"VLM_RESIDENTS": "0"}, "VLM_RESIDENTS"),
    ({"VLM_RESIDENTS": "17", "VLM_ENGINE": "embedded"}, "VLM_RESIDENTS"),
]
WRONG = [
    *_BOTH,
    ({"VLM_LIMIT_QUESTIONS": "0"}, "VLM_LIMIT_QUESTIONS"),
    ({"VLM_LIMIT_STREAMS": "many"}, "VLM_LIMIT_STREAMS"),
    ({"VLM_LIMIT_MEGABYTES": "1.5"}, "VLM_LIMIT_MEGABYTES"),
    ({"VLM_BUDGET": "-1"}, "VLM_BUDGET"),
    ({"VLM_TRUSTED_PROXIES": "two"}, "VLM_TRUSTED_PROXIES"),
    ({"VLM_AUTH": "name without a password"}, "VLM_AUTH"),
    ({"VLM_AUTH": f"{_BROKEN}"}, "VLM_AUTH"),
    ({"GRADIO_SERVER_PORT": _PORT}, "GRADIO_SERVER_PORT"),
    ({"GRADIO_SERVER_PORT": "http"}, "GRADIO_SERVER_PORT"),
    ({"GRADIO_SERVER_PORT": "70000"}, "GRADIO_SERVER_PORT"),
    ({"GRADIO_SERVER_PORT": "-1"}, "GRADIO_SERVER_PORT"),
    ({"GRADIO_SERVER_NAME": "192.0.2.1"}, "GRADIO_SERVER_NAME"),
    ({"GRADIO_SERVER_NAME": "no such host"}, "GRADIO_SERVER_NAME"),
    ({"GRADIO_SERVER_NAME": "a..b"}, "GRADIO_SERVER_NAME"),
    ({"GRADIO_TEMP_DIR": _FILE}, "GRADIO_TEMP_DIR"),
    ({"GRADIO_TEMP_DIR": str(_BROKEN)}, "GRADIO_TEMP_DIR"),
    ({"GRADIO_TEMP_DIR": "/proc/none"}, "GRADIO_TEMP_DIR"),
]
SERVER = [
    *_BOTH[::4],
    ({"VLM_SERVER_KEY": "two words"}, "VLM_SERVER_KEY"),
    ({"--port": _PORT}, "--port"),
    ({"--port": "70000"}, "--port"),
    ({"--host": "192.0.2.1"}, "--host"),
    ({"--host": "a..b"}, "--host"),
]
