"""A chat tab: several turns with one model, the picture with its regions beside them."""

from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import gradio as gr
from gradio.events import Dependency

from ui.components.chart import Chart, charted
from ui.components.engine_menu import SETS
from ui.components.fallback import accepted, offer, way_on
from ui.components.result_panel import Outcome, after, ledger
from ui.components.viewer import scene, viewer
from ui.core.gradio_compat import QUIET, posted
from ui.core.session import EngineRegistry, Visitor
from ui.state.conversation import Talk, as_message, read_message, sampling
from ui.state.question import Asked, follow
from ui.state.rendering import as_markdown, verbatim
from vlm_backends import Answer, Model, Picture, Turn, VLMError
from vlm_backends.models import check_sampling

ASSETS = Path(__file__).parents[2] / "assets"


class ChatTab:
    """The parts of one tab, wired; gradio's components are named after what they hold."""

    def __init__(self, model: Model, registry: EngineRegistry, visitor: gr.State) -> None:
        self.model, self.registry, self.visitor = model, registry, visitor
        self.talk = gr.State(Talk())
        self.ends: list = []  # what ends each call: events to go on from
        self._examples()
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=320):
                self._conversation()
            with gr.Column(scale=2, min_width=320):
                self._beside()
        self._wire()

    def _examples(self) -> None:
        prompts, names = (
            self.model.prompts,
            [Path(name).stem.capitalize() for name in self.model.samples],
        )
        titles = prompts if len(set(prompts)) > 1 else names
        self.examples = gr.Dataset(
            components=[gr.MultimodalTextbox(visible=False)],
            type="index",
            elem_classes="examples",
            samples=[[self.sample(index) | {"text": title}] for index, title in enumerate(titles)],
            label="Try one: a click asks",
        )

    def _conversation(self) -> None:
        model, several = self.model, self.model.pictures > 1
        with gr.Column(elem_classes="exchange"):  # of one height, however much streams
            self.chatbot = gr.Chatbot(
                buttons=["copy", "copy_all"],
                label=f"Talk with {model.title}",
                show_label=False,
                layout="bubble",
                feedback_options=None,
                elem_classes="talk",
                placeholder=f"**{verbatim(model.title)}**\n\n{model.about}\n\n"
                "Drop a picture below, or click an example above.",
            )
            self.live = gr.Markdown(elem_classes="live", line_breaks=True)
        self.notice = gr.Markdown(elem_classes="notice")
        self.instead = way_on()
        self.box = gr.MultimodalTextbox(
            sources=["upload"],
            file_types=["image"],
            file_count="multiple" if several else "single",
            placeholder=model.prompts[0],
            show_label=False,
            label="Message",
            max_plain_text_length=100_000,
            elem_classes="box",
            stop_btn=True,  # page.css shows it while an answer streams: changing a part costs 2 ms
        )

    def _beside(self) -> None:
        model, usual = self.model, self.model.sampling
        self.viewer = viewer(elem_classes="picture")
        self.chart = Chart() if model.tables else None
        self.outcome = Outcome(model, self.talk, conversation=True)
        with gr.Accordion("Parameters", open=False):
            limits = model.limits
            self.knobs = [
                gr.Slider(
                    1,
                    limits.max_tokens,
                    usual.max_tokens,
                    step=1,
                    label="Longest answer (max_tokens)",
                ),
                gr.Slider(*limits.temperature, usual.temperature, step=0.01, label="Temperature"),
                gr.Slider(*limits.top_p, usual.top_p, step=0.01, label="Top-p"),
                gr.Number(usual.seed, label="Seed (empty: none)", precision=0, minimum=0),
            ]

    def _wire(self) -> None:
        self.asked = [
            self.talk,
            self.box,
            self.chatbot,
            self.notice,
            self.viewer,
        ]  # a state lives as long as it is set
        table = self.chart.outputs if self.chart else []
        rest = [self.viewer, self.outcome.ledger, *table]
        self.done = [self.chatbot, self.live, self.box, *rest, self.instead]
        switched = self.instead.accept(self.switch, [self.talk, self.visitor], self.visitor, **SETS)
        for begin, act, inputs in (
            (self.box.submit, self.take, [self.talk, self.box]),
            (self.examples.click, self.take_example, [self.talk, self.examples]),
            (self.chatbot.retry, self.ask_again, self.talk),
            (switched.then, self.take, [self.talk, self.box]),
        ):
            self.answer_after(
                begin(posted(act, self.asked), inputs, self.asked, postprocess=False, **QUIET)
            )
        self.box.stop(Talk.halt, self.talk, None, **QUIET)
        self.chatbot.undo(self.undo, self.talk, [*self.asked[:4], self.instead, *rest], **QUIET)
        self.chatbot.clear(
            self.clear, self.talk, [*self.asked[:4], self.instead, self.live, *rest], **QUIET
        )

    def answer_after(self, start: Dependency) -> None:
        """What was taken by this event is asked, streamed and shown."""
        stream = start.then(
            self.stream,
            [self.talk, self.visitor, *self.knobs],
            self.live,
            api_visibility="private",
            show_progress="hidden",
            postprocess=False,
        )
        self.ends += after(stream, self.finish, [self.talk, self.visitor], self.done)

    def take(self, talk: Talk, message: dict | None) -> tuple:
        """A question is taken, or refused with a sentence while the message stays where it is."""
        if talk.waiting and talk.over:  # the visitor was away when it ended
            talk.settle()
        if talk.waiting:
            return (
                talk,
                *[gr.skip()] * 2,
                "The last answer is still arriving. Stop it, or wait for its end.",
                gr.skip(),
            )
        try:
            turn = read_message(message, talk, self.model)
        except VLMError as error:
            return talk, *[gr.skip()] * 2, verbatim(str(error)), gr.skip()
        return self.put(talk, turn)

    def put(self, talk: Talk, turn: Turn) -> tuple:
        """A question is put, and shown with its pictures."""
        talk.put(turn)
        return talk, None, talk.shown, "", scene(talk.picture())

    def take_example(self, talk: Talk, index: int) -> tuple:
        """An example is asked as if it had been typed."""
        taken = self.take(talk, self.sample(index))
        talk.example = index
        return taken

    def sample(self, index: int) -> dict:
        """An example as the box holds it."""
        return {
            "text": self.model.prompts[index],
            "files": [str(ASSETS / self.model.samples[index])],
        }

    def ask_again(self, talk: Talk) -> tuple:
        """The last question once more, its answer forgotten."""
        turn = None if talk.waiting else talk.take_back()
        if not turn:
            return talk, gr.skip(), talk.shown, "", gr.skip()
        talk.put(turn)
        return talk, gr.skip(), talk.shown, "", gr.skip()

    async def stream(self, talk: Talk, visitor: Visitor, *knobs: float) -> AsyncIterator[str]:
        """The words so far into the one light output."""
        if not talk.claim():
            yield gr.skip()
            return
        try:
            yield "…"
            engine = await to_thread(
                self.registry.answering, visitor, self.model
            )  # it may ask a server
            asked = talk.begin(self.model, check_sampling(self.model, sampling(*knobs)))
            async with aclosing(
                follow(asked, engine, self.registry.admission(visitor, engine))
            ) as arriving:
                async for answer in arriving:
                    if answer.text or answer.status:
                        yield as_markdown(answer) or f"*{verbatim(answer.status)}*"
        except VLMError as error:
            talk.error = str(error)
        finally:
            talk.over = True

    def switch(self, talk: Talk, visitor: Visitor) -> Visitor:
        """The visitor, who now asks the engine that can answer."""
        return accepted(self.registry, visitor, self.model, talk.asking)

    def finish(self, talk: Talk, visitor: Visitor) -> tuple:
        """The answer moves from the light output into the chat; the picture and the table follow it."""
        if not (talk.waiting and talk.over):
            live = (
                gr.skip() if talk.waiting else ""
            )  # the last piece may come after the conversation was cleared
            return gr.skip(), live, *[gr.skip()] * (len(self.done) - 2)
        instead, unanswered = offer(self.registry, visitor, self.model, talk.asking), talk.settle()
        box = (
            as_message(unanswered) if unanswered else gr.skip()
        )  # the question goes back into the box
        return talk.shown, "", box, *self.rest(talk.picture(), talk.asked), instead

    def rest(self, picture: Picture | None, asked: Asked | None) -> list:
        """The picture with what was found in it, what belongs to the answer, and its table."""
        answer = asked.answer if asked else Answer("")
        tied = any(region.span for region in answer.regions)
        names = False if answer.literal else None  # what is read stands in the picture
        shown = scene(asked.picture if asked else picture, answer, words=tied, names=names)
        return [shown, ledger(asked), *(charted(answer) if self.chart else [])]

    def undo(self, talk: Talk) -> tuple:
        """The last question goes back into the box."""
        turn = None if talk.waiting else talk.take_back()
        return (
            talk,
            turn and as_message(turn),
            talk.shown,
            "",
            "",
            *self.rest(talk.picture(), talk.asked),
        )

    def clear(self, talk: Talk) -> tuple:
        """A new conversation; an answer that is on its way is ended."""
        talk.halt()
        return Talk(), gr.skip(), [], "", "", "", *self.rest(None, None)
