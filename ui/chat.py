"""A chat tab: several turns with one model, the picture with its regions beside them."""

from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import gradio as gr

from ui.asking import follow
from ui.choice import Hall, Visitor
from ui.offer import accepted, offer
from ui.reply import as_json, as_markdown, drawn, keep, verbatim
from ui.talk import Talk, as_message, read_message, sampling
from ui.visitor import SETS
from vlm_backends import Answer, Model, VLMError
from vlm_backends.models import check_sampling

ASSETS = Path(__file__).parent.parent / "assets"


class ChatTab:
    """The parts of one tab, wired; gradio's components are named after what they hold."""

    def __init__(self, model: Model, hall: Hall, visitor: gr.State) -> None:
        self.model, self.hall, self.visitor = model, hall, visitor
        self.talk = gr.State(Talk())
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=320):
                self._conversation()
            with gr.Column(scale=2, min_width=320):
                self._beside()
        self._wire()

    def _conversation(self) -> None:
        model, several = self.model, self.model.pictures > 1
        self.chatbot = gr.Chatbot(
            height=440, buttons=["copy", "copy_all"], label=f"Talk with {model.title}", show_label=False,
            layout="bubble", feedback_options=None, elem_classes="talk",
            placeholder=f"**{model.title}**\n\n{model.about}\n\nDrop a picture below, or click an example.",
        )  # fmt: skip
        self.live = gr.Markdown(elem_classes="live", line_breaks=True)
        self.notice = gr.Markdown(elem_classes="notice")
        self.instead = gr.Button(visible=False, elem_classes="instead", size="sm")
        self.box = gr.MultimodalTextbox(
            sources=["upload"], file_types=["image"], file_count="multiple" if several else "single",
            placeholder=model.prompts[0], show_label=False, label="Message", max_plain_text_length=100_000,
            elem_classes="box",
        )  # fmt: skip
        pairs = zip(model.prompts, model.samples)
        samples = [[{"text": text, "files": [str(ASSETS / sample)]}] for text, sample in pairs]
        self.examples = gr.Dataset(
            components=[self.box],
            samples=samples,
            type="index",
            label="Examples: a click asks",
            elem_classes="examples",
        )

    def _beside(self) -> None:
        model, usual = self.model, self.model.sampling
        self.picture = gr.Image(
            label="The picture, with what was found in it", show_label=False, interactive=False, type="filepath",
            height=380, buttons=["download", "fullscreen"], elem_classes="picture",
        )  # fmt: skip
        self.table = gr.Dataframe(visible=False, label="The table", interactive=False, wrap=True, buttons=["copy"])
        with gr.Accordion("Parameters", open=False):
            limits = model.limits
            self.knobs = [
                gr.Slider(1, limits.max_tokens, usual.max_tokens, step=1, label="Longest answer (max_tokens)"),
                gr.Slider(*limits.temperature, usual.temperature, step=0.01, label="Temperature"),
                gr.Slider(*limits.top_p, usual.top_p, step=0.01, label="Top-p"),
                gr.Number(usual.seed, label="Seed (empty: none)", precision=0, minimum=0),
            ]
        with gr.Accordion("The last answer as JSON", open=False):
            self.json = gr.JSON(show_label=False)

    def _wire(self) -> None:
        quick = {"api_visibility": "private", "queue": False, "show_progress": "hidden"}
        asked = [self.talk, self.box, self.chatbot, self.notice, self.picture]  # a state lives as long as it is set
        done = [self.chatbot, self.live, self.box, self.picture, self.table, self.json, self.instead]
        starts = [
            self.box.submit(self.take, [self.talk, self.box], asked, **quick),
            self.examples.click(self.take_example, [self.talk, self.examples], asked, **quick),
            self.chatbot.retry(self.ask_again, self.talk, asked, **quick),
            self.instead.click(self.switch, [self.talk, self.visitor], self.visitor, **SETS).then(
                self.take, [self.talk, self.box], asked, **quick
            ),
        ]
        for start in starts:
            stream = start.then(
                self.stream, [self.talk, self.visitor, *self.knobs], self.live, api_visibility="private",
                show_progress="hidden", postprocess=False,
            )  # fmt: skip
            stream.then(self.finish, [self.talk, self.visitor], done, **quick)
        self.box.stop(Talk.halt, self.talk, None, **quick)
        self.chatbot.undo(self.undo, self.talk, [*asked, self.table, self.json], **quick)
        self.chatbot.clear(self.clear, self.talk, [self.talk, self.live, *asked[1:], self.table, self.json], **quick)

    def take(self, talk: Talk, message: dict | None) -> tuple:
        """A question is taken, or refused with a sentence while the message stays where it is."""
        if talk.waiting and talk.over:  # the visitor was away when it ended
            talk.settle()
        if talk.waiting:
            return talk, *[gr.skip()] * 2, "The last answer is still arriving. Stop it, or wait for its end.", gr.skip()
        try:
            talk.put(read_message(message, talk, self.model))
        except VLMError as error:
            return talk, *[gr.skip()] * 2, verbatim(str(error)), gr.skip()
        box = gr.MultimodalTextbox(value=None, submit_btn=False, stop_btn=True)
        return talk, box, talk.shown, "", keep(talk.picture())

    def take_example(self, talk: Talk, index: int) -> tuple:
        """An example is asked as if it had been typed."""
        return self.take(talk, {"text": self.model.prompts[index], "files": [ASSETS / self.model.samples[index]]})

    def ask_again(self, talk: Talk) -> tuple:
        """The last question once more, its answer forgotten."""
        turn = None if talk.waiting else talk.take_back()
        if not turn:
            return talk, gr.skip(), talk.shown, "", gr.skip()
        talk.put(turn)
        return talk, gr.MultimodalTextbox(submit_btn=False, stop_btn=True), talk.shown, "", gr.skip()

    async def stream(self, talk: Talk, visitor: Visitor, *knobs: float) -> AsyncIterator[str]:
        """The words so far into the one light output."""
        if not talk.claim():
            yield gr.skip()
            return
        try:
            yield "…"
            engine = await to_thread(self.hall.answering, visitor, self.model)  # it may ask a server
            asked = talk.begin(self.model, check_sampling(self.model, sampling(*knobs)))
            async with aclosing(follow(asked, engine)) as arriving:
                async for answer in arriving:
                    if answer.text or answer.status:
                        yield as_markdown(answer) or f"*{verbatim(answer.status)}*"
        except VLMError as error:
            talk.error = str(error)
        finally:
            talk.over = True

    def switch(self, talk: Talk, visitor: Visitor) -> Visitor:
        """The visitor, who now asks the engine that can answer."""
        return accepted(self.hall, visitor, self.model, talk.asked)

    def finish(self, talk: Talk, visitor: Visitor) -> tuple:
        """The answer moves from the light output into the chat; the picture, table and JSON follow it."""
        if not (talk.waiting and talk.over):
            return (*[gr.skip()] * 7,)
        box = gr.MultimodalTextbox(submit_btn=True, stop_btn=False)
        asked, instead = talk.asked, offer(self.hall, visitor, self.model, talk.asked)
        if unanswered := talk.settle():  # the question goes back into the box
            box = gr.MultimodalTextbox(value=as_message(unanswered), submit_btn=True, stop_btn=False)
            return talk.shown, "", box, gr.skip(), gr.skip(), gr.skip(), instead
        picture = asked.picture and drawn(asked.picture, asked.answer.regions)
        return talk.shown, "", box, picture, _table(asked.answer), as_json(asked), instead

    def undo(self, talk: Talk) -> tuple:
        """The last question goes back into the box."""
        turn = None if talk.waiting else talk.take_back()
        box = gr.MultimodalTextbox(value=turn and as_message(turn))
        return talk, box, talk.shown, "", None, gr.Dataframe(visible=False), None

    def clear(self, talk: Talk) -> tuple:
        """A new conversation; an answer that is on its way is ended."""
        talk.halt()
        box = gr.MultimodalTextbox(submit_btn=True, stop_btn=False)
        return Talk(), "", box, [], "", None, gr.Dataframe(visible=False), None


def _table(answer: Answer) -> gr.Dataframe:
    if not answer.rows:
        return gr.Dataframe(visible=False)
    head, *rows = answer.rows
    headers = [cell or "\u00a0" for cell in head]  # Gradio numbers the columns whose header is empty
    return gr.Dataframe(value=[list(row) for row in rows], headers=headers, visible=True)
