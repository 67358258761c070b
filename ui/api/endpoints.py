"""The stable API for scripts and agents: /chat, /florence2, /models."""

from asyncio import to_thread
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import asdict, dataclass

import gradio as gr

from ui.core.gradio_compat import UploadedImage
from ui.core.session import EngineRegistry, Visitor
from ui.state.conversation import Conversation, read_message, sampling
from ui.state.rendering import drawn
from ui.state.replies import PageReply, follow
from ui.state.task_plan import task_prompt
from vlm_backends import Answer, BadPrompt, Engine, Model, Prompt, Question, VLMError, find_model
from vlm_backends.models import check_sampling

KEY_HEADER = "X-NVIDIA-API-Key"
KNOBS = "max_tokens", "temperature", "top_p", "seed"
BOX = {
    "type": "array",
    "items": {"type": "number"},
    "description": "left, top, right, bottom, from 0 to 1",
}


def add_api(registry: EngineRegistry) -> None:
    """Adds the three endpoints, their fields hidden from the page."""
    calls = Calls(registry)
    with gr.Row(visible=False):
        texts = gr.Textbox(label="model"), gr.Textbox("", label="prompt")
        image = UploadedImage(label="image", type="filepath")
        numbers = [gr.Number(None, label=name) for name in KNOBS]
        task, text, region = (
            gr.Textbox(label="task"),
            gr.Textbox("", label="text"),
            gr.JSON(label="region"),
        )
        out = (
            gr.Textbox(label="text"),
            gr.Image(label="picture", type="filepath"),
            gr.JSON(label="json"),
        )
        region.api_info = lambda: (
            BOX
        )  # a JSON field says of itself that it takes anything, in no valid schema
        button = gr.Button()
    button.click(calls.chat, [*texts, image, *numbers], [*out], api_name="chat")
    button.click(calls.florence2, [task, image, text, region], [*out], api_name="florence2")
    button.click(calls.models, None, out[2], api_name="models")


@dataclass(frozen=True)
class Calls:
    """The endpoints of a page with these engines; a caller's key comes in the header X-NVIDIA-API-Key."""

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
        request: gr.Request = None,
    ) -> AsyncIterator[tuple]:
        """Ask a model about a picture; empty parameters take the model's own defaults.

        Args:
            model: Its id, as the endpoint models lists it.
            prompt: The question.
            image: The picture, as an http(s) or data: URL. Every question needs one.
            max_tokens: The longest answer.
            temperature: How freely the words are chosen.
            top_p: From how likely a part of the words.
            seed: A whole number, for the same answer again.
        """
        with _sentences():
            question = _question(
                self.registry.find(model), prompt, image, max_tokens, temperature, top_p, seed
            )
            reply, caller = PageReply(question), _caller(request)
            engine = await to_thread(self.registry.answering, caller, question.model)
        async with aclosing(self._follow(reply, caller, engine)) as arriving:
            async for answer in arriving:
                if answer.text:
                    yield answer.text, None, reply.to_dict()
        yield _outcome(reply)

    async def florence2(
        self,
        task: str,
        image: str | None = None,
        text: str = "",
        region: list | None = None,
        request: gr.Request = None,
    ) -> tuple:
        """Run a Florence-2 task.

        Args:
            task: Its token, such as <OCR_WITH_REGION>.
            image: The picture, as an http(s) or data: URL.
            text: Words, for the tasks that take some.
            region: [left, top, right, bottom] in 0..1, for the tasks that take a region.
        """
        with _sentences():
            florence2 = find_model("microsoft/florence-2")
            reply = PageReply(Question(florence2, *task_prompt(task, image, text, region)))
            caller = _caller(request)
            engine = await to_thread(self.registry.answering, caller, florence2)
        async for _ in self._follow(reply, caller, engine):
            pass
        return _outcome(reply)

    def _follow(self, reply: PageReply, caller: Visitor, engine: Engine) -> AsyncIterator[Answer]:
        admission = self.registry.admission(caller, engine)
        return follow(reply, engine, admission, self.registry.journal.observe)

    def models(self) -> list:
        """The catalogue, with each model's state on the engine that answers for it here."""
        return [
            _entry(model, self.registry.answering(Visitor(), model))
            for model in self.registry.models
        ]


def _entry(model: Model, engine: Engine) -> dict:
    return {
        "id": model.id,
        "title": model.title,
        "publisher": model.publisher,
        "about": model.about,
        "engine": engine.name,
        "state": engine.state(model),
        "hosted": model.hosted and asdict(model.hosted),
        "tasks": [
            {"token": task.token, "title": task.title, "takes": task.takes} for task in model.tasks
        ],
        "sampling": model.sampling and asdict(model.sampling),
        "pictures": model.pictures,
        "link": model.link,
    }


def _question(entry: Model, prompt: str, image: str | None, *given: float | None) -> Question:
    """The question of a call to /chat; BadPrompt when it cannot be asked."""
    if entry.tasks:
        raise BadPrompt(f"{entry.title} has tasks instead of a chat: call /florence2.")
    turn = read_message({"text": prompt, "files": [image] if image else []}, Conversation(), entry)
    knobs = [
        getattr(entry.sampling, name) if value is None else value
        for name, value in zip(KNOBS, given)
    ]
    return Question(entry, Prompt((turn,), check_sampling(entry, sampling(*knobs))))


def _outcome(reply: PageReply) -> tuple:
    """The three outputs of a finished call; what went wrong is raised as its sentence."""
    if reply.failure:
        raise gr.Error(reply.failure, print_exception=False)
    answer, picture = reply.answer, reply.question.picture
    shown = drawn(picture, answer.regions) if picture and answer.regions else None
    return answer.text, shown, reply.to_dict()


@contextmanager
def _sentences() -> Iterator[None]:
    """A VLMError inside reaches the caller as its sentence."""
    try:
        yield
    except VLMError as error:
        raise gr.Error(str(error), print_exception=False) from None


def _caller(request: gr.Request | None) -> Visitor:
    """The caller with the key of the header, if there is one."""
    return Visitor((request.headers.get(KEY_HEADER) or "").strip() if request else "")
