"""Simulated visitors of a chat page: each class speaks the real protocol of one kind of page."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from urllib.parse import quote, urlencode
from uuid import uuid4

from benchmarks._model_server import MOMENT
from benchmarks._pictures import ROOT
from tests.support.gradio_wire import Page, Session, asked

RATE = 50  # pieces a second
MESSAGES, PICTURES = (
    "40 messages",
    "16 pictures",
)  # what a conversation may hold before the question
_LETTERS = 5  # in a piece
_PICTURE = (ROOT / "assets" / "coffee.jpg").read_bytes()


def _question(pieces: int) -> str:
    return f"say timed {pieces} {RATE}"


@dataclass
class ReceivedAnswer:
    """One visitor's view of one answer: the delay of each piece in seconds, and all bytes."""

    pieces: int
    asked: float = field(default_factory=monotonic)
    first: float = 0.0
    late: list[float] = field(default_factory=list)
    bytes: int = 0
    text: str = ""
    _begun: float = 0.0

    def set_text(self, text: str) -> None:
        """Take the answer so far; it begins with the moment when the model server began it."""
        now, self.text = monotonic(), text
        if not self._begun and len(text) >= MOMENT:
            self._begun, self.first = int(text[:MOMENT]) / 1e9, now - self.asked
        # + 1: a page may have removed a space at the end
        came = min((len(text) + 1 - MOMENT) // _LETTERS, self.pieces)
        self.late += [now - self._begun - (i + 1) / RATE for i in range(len(self.late), came)]

    def count_bytes(self, line: bytes) -> None:
        """Count bytes that came from the page."""
        self.bytes += len(line)


class SimulatedVisitor:
    """A visitor who may have a conversation already, and asks."""

    def __init__(self, url: str, page: Page | None) -> None:
        self.url, self.page = url, page

    async def prepare(self, history: str) -> None:
        """Fill the conversation before the question."""

    async def ask(self, received: ReceivedAnswer) -> None:
        """Ask, and receive the answer to its end."""
        raise NotImplementedError


class OurPageVisitor(SimulatedVisitor):
    """Sends the chain of events of a chat tab, as the page's script does."""

    async def prepare(self, history: str) -> None:
        self.session = Session(self.page)
        file = await self.session.upload("picture.jpg", _PICTURE)
        await self._turn("say flood 1 0", [file], ReceivedAnswer(0))
        for _ in range({"": 0, MESSAGES: 19, PICTURES: 15}[history]):
            await self._turn(
                "say flood 1 0", [file] if history == PICTURES else [], ReceivedAnswer(0)
            )

    async def ask(self, received: ReceivedAnswer) -> None:
        await self._turn(_question(received.pieces), [], received)

    async def _turn(self, words: str, files: list, received: ReceivedAnswer) -> None:
        self.session.on_line = received.count_bytes
        submit = self.page.event("submit", "multimodaltextbox")
        stream = self.page.after(submit)
        _, _, _, notice, _ = await self.session.run(submit, None, {"text": words, "files": files})
        if notice:
            raise RuntimeError(notice)
        await _receive(self.session, stream, self.page.values(stream), received)
        await self.session.run(self.page.after(stream), None, None)


class GradioVisitor(SimulatedVisitor):
    """Sends one event; its output is the conversation, which the browser holds."""

    async def prepare(self, history: str) -> None:
        self.session, self.history = Session(self.page), []
        words = [{"type": "text", "text": "Some words that were said. " * 10}]
        if history == MESSAGES:
            self.history = [{"role": role, "content": words} for role in ("user", "assistant")] * 20
        if history == PICTURES:
            picture = [{"type": "file", "file": await self.session.upload("picture.jpg", _PICTURE)}]
            self.history = [
                {"role": "user", "content": picture},
                {"role": "assistant", "content": words},
            ] * 16

    async def ask(self, received: ReceivedAnswer) -> None:
        self.session.on_line = received.count_bytes
        await _receive(
            self.session,
            self.page.named("answer"),
            [_question(received.pieces), self.history],
            received,
        )


class ChatInterfaceVisitor(GradioVisitor):
    """Sends the chain of events of `gr.ChatInterface`, whose server holds the conversation."""

    async def prepare(self, history: str) -> None:
        await super().prepare(history)
        await self.session.run(self.page.named("lambda"), self.history)

    async def ask(self, received: ReceivedAnswer) -> None:
        self.session.on_line = received.count_bytes
        await self.session.run(
            self.page.named("_clear_and_save_textbox"), _question(received.pieces)
        )
        await self.session.run(self.page.named("_append_message_to_history"), None, self.history)
        await _receive(self.session, self.page.named("_submit_fn"), [None, None], received)
        await self.session.run(self.page.named("lambda"), self.history)


async def _receive(session: Session, event: dict, values: list, received: ReceivedAnswer) -> None:
    first = True
    async for message in session.join(event, *values):
        if message["msg"] == "process_generating":
            outputs = message["output"]["data"]
            received.set_text(
                next(filter(None, map(_text_in, outputs)), "")
                if first
                else _text_after(received.text, outputs)
            )
            first = False
        elif message["msg"] == "process_completed" and not message["success"]:
            raise RuntimeError(message["output"])


def _text_in(value: object) -> str:
    """Return the answer in an output that came whole."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and isinstance(value[-1], dict):
        return _text_in(value[-1].get("content", value[-1].get("text")))
    return ""


def _text_after(text: str, outputs: list) -> str:
    """Return the answer after Gradio's differences."""
    for action, _, value in (step for steps in outputs for step in steps or ()):
        if words := _text_in(value if isinstance(value, str) else [value]):
            text = text + words if action == "append" and isinstance(value, str) else words
    return text


class RouteVisitor(SimulatedVisitor):
    """Reads the bare route."""

    async def ask(self, received: ReceivedAnswer) -> None:
        path = f"/answer?{urlencode({'question': _question(received.pieces)})}"
        async with asked(self.url, "GET", path) as (_, reader):
            async for line in reader:
                received.count_bytes(line)
                if line.startswith(b"data: "):
                    received.set_text(received.text + line[6:-1].decode())


class ChainlitVisitor(SimulatedVisitor):
    """Speaks Socket.IO, as Chainlit's own page does."""

    async def ask(self, received: ReceivedAnswer) -> None:
        import socketio

        line, ended = socketio.AsyncClient(reconnection=False), asyncio.Event()

        def came(data: Mapping) -> None:
            received.count_bytes(json.dumps(data).encode())
            received.set_text(received.text + (data.get("token") or data.get("output") or ""))
            if len(received.late) == received.pieces:
                ended.set()

        line.on("stream_start", came)
        line.on("stream_token", came)
        session = {
            "sessionId": str(uuid4()),
            "clientType": "webapp",
            "userEnv": "{}",
            "chatProfile": "",
            "threadId": "",
        }
        await line.connect(
            self.url, socketio_path="/ws/socket.io", transports=["websocket"], auth=session
        )
        await line.emit("connection_successful")
        await asyncio.sleep(0.2)
        received.asked = monotonic()
        said = {
            "id": str(uuid4()),
            "threadId": "",
            "name": "user",
            "type": "user_message",
            "output": _question(received.pieces),
            "createdAt": "2026-01-01T00:00:00Z",
        }
        await line.emit("client_message", {"message": said, "fileReferences": []})
        await ended.wait()
        await line.disconnect()


class StreamlitVisitor(SimulatedVisitor):
    """Speaks Streamlit's protocol buffers by web socket."""

    async def ask(self, received: ReceivedAnswer) -> None:
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
        from websockets.asyncio.client import connect

        address = self.url.replace("http", "ws") + "/_stcore/stream"
        async with connect(address, subprotocols=["streamlit"], max_size=None) as line:
            begun = BackMsg()
            begun.rerun_script.query_string = f"question={quote(_question(received.pieces))}"
            await line.send(begun.SerializeToString())
            async for data in line:
                received.count_bytes(data)
                message = ForwardMsg.FromString(data)
                if words := message.delta.new_element.markdown.body:
                    received.set_text(words.rstrip("▏▕|"))
                if message.script_finished or len(received.late) == received.pieces:
                    return
