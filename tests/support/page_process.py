"""Launches a page for the robustness tests, and calls it over plain HTTP as a visitor."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from uuid import uuid4

import httpx

from tests.support.paths import ASSETS
from tests.support.ports import launch_page

SIGN = (ASSETS / "coffee.jpg").read_bytes()


@contextmanager
def environment(**settings: str) -> Iterator[None]:
    """Set these environment variables, and remove the page's others, until the end of the block."""
    ours = (
        "VLM_",
        "NVIDIA_",
        "API_KEY_REQUIRED",
        "SPACE_ID",
        "GRADIO_SERVER_NAME",
        "GRADIO_TEMP_DIR",
    )
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(ours)]:
        del os.environ[name]
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@dataclass(frozen=True)
class Page:
    """A running page: its URL, the folder of all its files, and its Gradio app."""

    url: str
    folder: Path
    blocks: object

    def files(self) -> list[Path]:
        """List all files that it holds for its visitors; os.walk tolerates that some are deleted meanwhile."""
        return [Path(folder, name) for folder, _, names in os.walk(self.folder) for name in names]

    def empty(self) -> list[str]:
        """List the folders in it that are empty."""
        return [
            folder
            for folder, folders, names in os.walk(self.folder)
            if not folders and not names and Path(folder) != self.folder
        ]


@contextmanager
def launched(lifespan: object = None, **env: str) -> Iterator[Page]:
    """Launch a page with these settings; yield it."""
    folder = Path(mkdtemp(prefix="fire-"))
    with environment(
        GRADIO_TEMP_DIR=str(folder),
        GRADIO_ANALYTICS_ENABLED="False",
        FORWARDED_ALLOW_IPS="",
        **{"VLM_SAMPLES": "off", **env},
    ):
        import ui
        from vlm_backends import connect

        page, options = ui.build(connect()), ui.settings()
        if lifespan:
            options["app_kwargs"]["lifespan"] = lifespan
        url = launch_page(page, **options)
        try:
            yield Page(url.rstrip("/"), folder, page)
        finally:
            page.close()
            shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Visitor:
    """One browser or script, known by the address that a trusted proxy would see."""

    url: str
    address: str = "198.51.100.7"
    key: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    session: str = field(default_factory=lambda: uuid4().hex)

    def __post_init__(self) -> None:
        own = {"X-NVIDIA-API-Key": self.key} if self.key else {}
        fields = {"X-Forwarded-For": self.address, **own, **self.headers}
        each_anew = httpx.Limits(
            max_keepalive_connections=0
        )  # an idle one may be closed just when it is used
        self.web = httpx.Client(
            base_url=f"{self.url}/gradio_api", headers=fields, timeout=60, limits=each_anew
        )

    @cached_property
    def config(self) -> dict:
        """Return the page's /config."""
        return httpx.get(f"{self.url}/config", headers=self.headers, timeout=60).json()

    def upload(self, data: bytes = SIGN, name: str = "picture.jpg") -> httpx.Response:
        """Upload a file; return the response."""
        return self.web.post("/upload", files={"files": (name, data)})

    def file(self) -> dict:
        """Upload a picture; return it as the endpoints take it."""
        return {"path": self.upload().json()[0], "meta": {"_type": "gradio.FileData"}}

    def call(self, name: str, *data: object) -> tuple[bool, object]:
        """Call a public endpoint; return True and its outputs, or False and its error's message."""
        begun = self.web.post(f"/call/{name}", json={"data": data})
        if begun.status_code != 200:
            return False, begun.text
        answer = self.web.get(f"/call/{name}/{begun.json()['event_id']}").text
        event, _, value = answer.rpartition("event: ")[2].partition("\ndata: ")
        return event == "complete", json.loads(value) if value.strip() else None

    def ask(
        self, words: str = "Who?", model: str = "meta/llama-3.2-11b-vision-instruct"
    ) -> tuple[bool, object]:
        """Ask a question by the endpoint /chat."""
        return self.call("chat", model, words, self.file(), None, None, None, None)

    def wired(self, event: str, **props: object) -> int:
        """Return the id of the handler of this event, at a component with these properties."""
        found = [
            part["id"]
            for part in self.config["components"]
            if props.items() <= _plain(part["props"]).items()
        ]
        return next(
            each["id"]
            for each in self.config["dependencies"]
            if [found[0], event] in map(list, each["targets"])
        )

    def about(self, event: str, number: int) -> int:
        """Return the id of the handler of this event that gets only the state of another handler."""
        handlers = self.config["dependencies"]
        (state,) = [each["inputs"][0] for each in handlers if each["id"] == number]
        return next(
            each["id"]
            for each in handlers
            if event in [name for _, name in each["targets"]] and each["inputs"] == [state]
        )

    def then(self, number: int) -> list[int]:
        """Return the ids of the handlers that follow this one, in their order."""
        steps = [
            each["id"]
            for each in self.config["dependencies"]
            if each["trigger_after"] == number and not each["js"]
        ]
        return steps[:1] + (self.then(steps[0]) if steps else [])

    def event(self, number: int, *data: object, about: dict | None = None) -> str:
        """Run a handler that has no public name; return all that it answers."""
        body = {"data": data, "fn_index": number, "session_hash": self.session, "event_data": about}
        joined = self.web.post("/queue/join", json=body)
        if joined.status_code != 200:
            return joined.text
        with self.web.stream("GET", "/queue/data", params={"session_hash": self.session}) as stream:
            lines = []
            for line in stream.iter_lines():
                lines.append(line)
                if '"close_stream"' in line:
                    break
        return "\n".join(lines)


def _plain(props: dict) -> dict:
    return {
        name: " ".join(value) if name == "elem_classes" else value
        for name, value in props.items()
        if name[:5] == "elem_"
    }
