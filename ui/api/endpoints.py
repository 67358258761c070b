"""The stable API for scripts and agents: /chat, /florence2, /models."""

from asyncio import to_thread
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import gradio as gr

from ui.core.gradio_compat import RegionJSON, UploadedImage
from ui.core.session import EngineRegistry, Visitor
from ui.state.conversation import Conversation, read_message, sampling
from ui.state.rendering import drawn
from ui.state.replies import PageReply, follow
from ui.state.task_plan import task_prompt
from vlm_backends import (
    Answer,
    BadPrompt,
    Engine,
    Model,
    Prompt,
    Question,
    VLMError,
    find_model,
)
from vlm_backends.models import check_sampling

KEY_HEADER = "X-NVIDIA-API-Key"
_SAMPLING = "max_tokens", "temperature", "top_p", "seed"

Outputs = tuple[str, str | None, dict[str, Any]]  # the words, a picture's path, the answer as JSON


def add_api(registry: EngineRegistry) -> None:
    """Add the three endpoints; their fields are hidden from the page."""
    endpoints = ApiEndpoints(registry)
    with gr.Row(visible=False):
        texts = [gr.Textbox(label="model"), gr.Textbox("", label="prompt")]
        image = UploadedImage(label="image", type="filepath")
        numbers = [gr.Number(None, label=name) for name in _SAMPLING]
        task, text = gr.Textbox(label="task"), gr.Textbox("", label="text")
        region, page = RegionJSON(label="region"), gr.Number(None, label="page", precision=0)
        confidence = gr.Number(None, label="confidence")
        words = gr.Textbox(label="text")
        picture = gr.Image(label="picture", type="filepath")
        as_json = gr.JSON(label="json")
        button = gr.Button()
    answer = [words, picture, as_json]
    chat, florence2 = (
        [*texts, image, *numbers, page],
        [
            task,
            image,
            text,
            region,
            page,
            confidence,
        ],
    )
    button.click(endpoints.chat, chat, answer, api_name="chat")
    button.click(endpoints.florence2, florence2, answer, api_name="florence2")
    button.click(endpoints.models, None, as_json, api_name="models")


@dataclass(frozen=True)
class ApiEndpoints:
    """The endpoints of a page with these engines.

    A caller's key comes in the header X-NVIDIA-API-Key.
    """

    registry: EngineRegistry

    async def chat(
        self,
        model: str,
        prompt: str = "",
        image: str | None = None,
        max_tokens: float | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: float | None = None,
        page: int | None = None,
        request: gr.Request | None = None,
    ) -> AsyncGenerator[Outputs, None]:
        """Ask a model about a picture; empty parameters take the model's own defaults.

        Args:
            model: Its id, as the endpoint models lists it.
            prompt: The question.
            image: The picture, as an http(s) or data: URL. Every question needs one.
            max_tokens: The longest answer, in tokens.
            temperature: How random the choice of words is.
            top_p: The share of probability, 0..1, from which the words are chosen.
            seed: A whole number, which makes an answer repeatable.
            page: Which page of a PDF or TIFF, or frame of an animation; 1 is the first.
        """
        given = max_tokens, temperature, top_p, seed
        caller = _caller(request)
        with _plain_errors():
            reply = await prepare(
                self.registry, caller, lambda: self._question(model, prompt, image, page, given)
            )
        async with aclosing(answers(self.registry, caller, reply)) as arriving:
            async for answer in arriving:
                if answer.text:
                    yield answer.text, None, reply.to_dict()
        yield _outputs(reply)

    async def florence2(
        self,
        task: str,
        image: str | None = None,
        text: str = "",
        region: list | None = None,
        page: int | None = None,
        confidence: float | None = None,
        request: gr.Request | None = None,
    ) -> Outputs:
        """Run a Florence-2 task.

        Args:
            task: Its token, such as <OCR_WITH_REGION>.
            image: The picture, as an http(s) or data: URL.
            text: Words, for the tasks that take some.
            region: [left, top, right, bottom] in 0..1, for the tasks that take a region.
            page: Which page of a PDF or TIFF, or frame of an animation; 1 is the first.
            confidence: 0..1, half by default. Where regions have scores, less sure ones are left
                out.
        """
        florence2, caller = find_model("microsoft/florence-2"), _caller(request)
        with _plain_errors():
            reply = await prepare(
                self.registry,
                caller,
                lambda: Question(
                    florence2, *task_prompt(task, image, text, region, page, confidence)
                ),
            )
        async for _ in answers(self.registry, caller, reply):
            pass
        return _outputs(reply)

    def models(self) -> list[dict[str, Any]]:
        """Return the catalogue, with each model's state on the engine that answers for it here."""
        return [
            _entry(model, self.registry.answering(Visitor(), model))
            for model in self.registry.models
        ]

    def _question(
        self,
        id: str,
        prompt: str,
        image: str | None,
        page: int | None,
        given: Sequence[float | None],
    ) -> Question:
        """Return the question of a call to /chat. Raises BadPrompt."""
        model = self.registry.find(id)
        if model.tasks:
            raise BadPrompt(f"{model.title} has tasks instead of a chat: call /florence2.")
        message = {"text": prompt, "files": [image] if image else []}
        turn = read_message(message, Conversation(), model, page)
        defaults = [getattr(model.sampling, name) for name in _SAMPLING]
        values = [default if value is None else value for default, value in zip(defaults, given)]
        return Question(model, Prompt((turn,), check_sampling(model, sampling(*values))))


async def prepare(
    registry: EngineRegistry, caller: Visitor, make_question: Callable[[], Question]
) -> PageReply:
    """Return a reply with its engine, not asked yet. Raises VLMError.

    A thread does it: a picture is decoded, and a server may be asked for its list.
    """

    def work() -> PageReply:
        reply = PageReply(make_question())
        reply.engine = registry.called(caller, reply.question.model)
        return reply

    return await to_thread(work)


def answers(
    registry: EngineRegistry, caller: Visitor, reply: PageReply
) -> AsyncGenerator[Answer, None]:
    """Yield the answer a few times a second; what goes wrong is in `reply.failure` at the end."""
    if reply.engine is None:
        raise RuntimeError("prepare the reply first")
    admission = registry.admission(caller, reply.engine)
    return follow(reply, reply.engine, admission, registry.journal.observe)


def _entry(model: Model, engine: Engine) -> dict[str, Any]:
    return {
        "id": model.id,
        "title": model.title,
        "publisher": model.publisher,
        "about": model.about,
        "engine": engine.name,
        "state": engine.capability(model).summary,
        "hosted": model.hosted and asdict(model.hosted),
        "tasks": [
            {"token": task.token, "title": task.title, "takes": task.takes} for task in model.tasks
        ],
        "sampling": model.sampling and asdict(model.sampling),
        "pictures": model.pictures,
        "link": model.link,
    }


def _outputs(reply: PageReply) -> Outputs:
    """Return the outputs of a finished call. Raises gr.Error, whose text is what went wrong."""
    if reply.failure:
        raise gr.Error(reply.failure, print_exception=False)
    answer, picture = reply.answer, reply.question.picture
    shown = drawn(picture, answer.regions) if picture and answer.regions else None
    return answer.text, shown, reply.to_dict()


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn a VLMError into Gradio's error with the same sentence, which reaches the caller."""
    try:
        yield
    except VLMError as error:
        raise gr.Error(str(error), print_exception=False) from None


def _caller(request: gr.Request | None) -> Visitor:
    """Return the caller with the key of the header, if there is one."""
    return Visitor((request.headers.get(KEY_HEADER) or "").strip() if request else "")
