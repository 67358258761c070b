"""The tab that asks several models at once: one picture, one wish, an answer a lane, and where they agree."""

from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from pathlib import Path

import gradio as gr

from ui.components.viewer import scene, viewer
from ui.core.gradio_compat import QUIET
from ui.core.session import EngineRegistry, Visitor
from ui.state.comparison import MOST, Comparison, as_html, questions, seats, usual
from ui.state.question import follow
from ui.state.rendering import keep, shelved, verbatim
from ui.state.task_run import as_uploaded
from vlm_backends import BadPrompt, VLMError
from vlm_backends.intents import ASK, DESCRIBE, FIND, INTENTS, READ, Intent
from vlm_backends.media import images

ASSETS = Path(__file__).parents[2] / "assets"
EXAMPLES = (  # what is wanted, picture, words, who is asked besides the usual ones
    (READ, "sign.jpg", "", ()),
    (FIND, "receipt.png", "total", ()),
    (ASK, "sign.jpg", "How far is it to Lake Loop?", ()),
    (DESCRIBE, "coffee.jpg", "", ()),
    (READ, "chart.png", "", ("google/deplot",)),
)
_BY_TITLE = {intent.title: intent for intent in INTENTS}
_TO_LANES = """() => (document.querySelector("#compare-notice p") || document.querySelector("#lanes"))
    ?.scrollIntoView({block: "nearest", behavior: "smooth"})"""  # on a phone they stand far below the button


class CompareTab:
    """The parts of the tab, wired."""

    def __init__(self, registry: EngineRegistry, visitor: gr.State) -> None:
        self.registry, self.visitor = registry, visitor
        self.ends: list = []  # what ends each comparison: events to go on from
        self.comparison, self.kept = (
            gr.State(Comparison()),
            gr.State([]),
        )  # kept: the lanes chosen by hand
        self._examples()
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=320):
                self._picture()
            with gr.Column(scale=3, min_width=320):
                self._question()
        with gr.Row(elem_id="lanes", equal_height=False):
            self.lanes = [
                gr.Markdown(visible=False, line_breaks=True, min_width=280, elem_classes="lane")
                for _ in range(MOST)
            ]
        with gr.Column(
            elem_id="together"
        ):  # the browser hides it while it is empty: what Gradio hides loses values
            self.viewer = viewer("What they found, on one picture", elem_id="compare-viewer")
            self.agreement = gr.HTML(elem_classes="agreement")
        self._wire()

    def _picture(self) -> None:
        self.image = as_uploaded(
            gr.Image(
                label="Your picture",
                sources=["upload", "clipboard", "webcam"],
                type="filepath",
                height=300,
                elem_id="compare-picture",
                buttons=["fullscreen"],
            )
        )

    def _question(self) -> None:
        self.intent = gr.Radio(
            list(_BY_TITLE), value=READ.title, label="What you want", elem_id="compare-purpose"
        )
        self.about = gr.Markdown(elem_classes="about")
        self.words = gr.Textbox(
            label="Your words", visible=False, elem_id="compare-words", max_lines=4
        )
        self.chosen = gr.CheckboxGroup(
            [], label=f"Whom to ask, {MOST} at most", elem_id="compare-lanes", show_select_all=False
        )
        self.notice = gr.Markdown(elem_classes="notice", elem_id="compare-notice")
        with gr.Row():
            self.go = gr.Button("Compare", variant="primary", elem_id="run-compare")
            self.halt = gr.Button("Stop", visible=False, elem_id="stop-compare")

    def _examples(self) -> None:
        titles = [
            f"{intent.title}{f': {words}' if words else ''}" for intent, _, words, _ in EXAMPLES
        ]
        self.examples = gr.Dataset(
            components=[gr.MultimodalTextbox(visible=False)],
            type="index",
            elem_classes="examples",
            samples=[
                [{"text": title, "files": [str(ASSETS / row[1])]}]
                for title, row in zip(titles, EXAMPLES)
            ],
            label="Try one: a click asks them all",
        )

    def _wire(self) -> None:
        offer = [self.visitor, self.intent, self.kept]
        gr.on(
            None, self.offered, offer, [self.chosen, self.words, self.about], **QUIET
        )  # on load too
        self.chosen.input(lambda chosen: chosen, self.chosen, self.kept, **QUIET)
        self.image.upload(self.upload, self.image, [self.image, self.notice], **QUIET)
        self.halt.click(Comparison.halt, self.comparison, None, **QUIET)
        fields = [self.comparison, self.visitor, self.intent, self.image, self.words, self.chosen]
        begun = [
            self.comparison,
            self.notice,
            self.go,
            self.halt,
            self.viewer,
            self.agreement,
            *self.lanes,
        ]
        example = self.examples.click(
            self.example,
            [self.examples, self.visitor],
            [self.intent, self.image, self.words, self.chosen, self.kept],
            **QUIET,
        )
        starts = [
            gr.on([self.go.click, self.words.submit], self.take, fields, begun, **QUIET),
            example.then(self.take, fields, begun, **QUIET),
        ]
        live = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "multiple"}
        for start in starts:
            for i, lane in enumerate(self.lanes):
                filled = start.then(
                    partial(self.stream, i),
                    [self.comparison, self.visitor],
                    lane,
                    postprocess=False,
                    **live,
                )
                filled.failure(partial(self.shown, i), self.comparison, lane, **QUIET)
            ended = [self.viewer, self.agreement, self.go, self.halt]
            self.ends.append(start.then(self.watch, self.comparison, ended, **live))
            start.then(None, js=_TO_LANES, **QUIET)

    def offered(self, visitor: Visitor, title: str, kept: list[str]) -> tuple:
        """Who can be asked for this now, those kept that were chosen by hand; the field for words; what it is about."""
        intent, found = _BY_TITLE[title], seats(self.registry, visitor, _BY_TITLE[title])
        keys = [seat.key for seat in found]
        chosen = [key for key in kept if key in keys] or usual(found)
        choices = [(seat.title + seat.doubt, seat.key) for seat in found]
        label = intent.words[:1].upper() + intent.words[1:] or "Your words"
        words = gr.Textbox(visible=bool(intent.words), label=label, placeholder=intent.example)
        return gr.CheckboxGroup(choices, value=chosen), words, intent.about

    def example(self, index: int, visitor: Visitor) -> tuple:
        """The fields of an example, with the usual lanes and those that it wants."""
        intent, name, words, also = EXAMPLES[index]
        found = seats(self.registry, visitor, intent)
        wanted = [next((seat.key for seat in found if seat.model.id == id), None) for id in also]
        chosen = [*dict.fromkeys([*usual(found), *filter(None, wanted)])]
        choices, *_ = self.offered(visitor, intent.title, chosen)
        return (
            intent.title,
            keep(images.read(ASSETS / name)),
            words,
            choices,
            chosen if also else [],
        )

    def upload(self, path: str | None) -> tuple:
        """The upload, upright; a file that is no picture is refused with a sentence."""
        try:
            return (keep(images.read(path)) if path else None), ""
        except VLMError as error:
            return None, verbatim(str(error))

    def take(
        self,
        comparison: Comparison,
        visitor: Visitor,
        title: str,
        path: str | None,
        words: str,
        chosen: list[str],
    ) -> tuple:
        """A comparison is begun, or refused with a sentence before anything is spent."""
        try:
            self._begin(comparison, visitor, _BY_TITLE[title], path, (words or "").strip(), chosen)
        except VLMError as error:
            return comparison, verbatim(str(error)), *[gr.skip()] * (4 + MOST)
        shown = [gr.Markdown(lane.shown(), visible=True) for lane in comparison.lanes]
        hidden = [gr.Markdown("", visible=False)] * (MOST - len(shown))
        go, halt = gr.Button(interactive=False), gr.Button(visible=True)
        return comparison, "", go, halt, None, "", *shown, *hidden

    def _begin(
        self,
        comparison: Comparison,
        visitor: Visitor,
        intent: Intent,
        path: str | None,
        words: str,
        keys: list[str],
    ) -> None:
        if comparison.waiting:
            raise BadPrompt("The last comparison is still going. Stop it, or wait for its end.")
        if not path:
            raise BadPrompt("Add a picture first: drop, paste or upload one, or click an example.")
        picture = shelved(path)
        chosen = [seat for seat in seats(self.registry, visitor, intent) if seat.key in keys]
        comparison.put(
            picture, questions(chosen, intent, picture, words), words if intent is FIND else ""
        )

    async def stream(
        self, number: int, comparison: Comparison, visitor: Visitor
    ) -> AsyncIterator[str]:
        """One lane, as it fills: no lane waits for another."""
        lane = comparison.lanes[number] if number < len(comparison.lanes) else None
        if lane is None or not lane.claim():
            yield gr.skip()  # Gradio empties the outputs of a generator that ends without a word
            return
        try:
            choosing = visitor.choosing(lane.seat.model, lane.seat.engine)
            engine = await to_thread(self.registry.answering, choosing, lane.seat.model)
            async with aclosing(
                follow(lane.asked, engine, self.registry.admission(visitor, engine))
            ) as arriving:
                async for _ in arriving:
                    yield lane.shown()
        except VLMError as error:
            lane.asked.error = str(error)
        finally:
            comparison.end(lane)
        yield lane.shown()

    def shown(self, number: int, comparison: Comparison) -> str:
        """One lane, as it stands."""
        return comparison.lanes[number].shown()

    async def watch(self, comparison: Comparison) -> AsyncIterator[tuple]:
        """What the lanes say together, each time one of them has ended; then the buttons are as before."""
        if not comparison.claim():
            yield (*[gr.skip()] * 4,)
            return
        try:
            over = False
            while not over:
                await comparison.moved.wait()
                comparison.moved.clear()
                over = comparison.over
                yield *await to_thread(_together, comparison), gr.skip(), gr.skip()
        finally:
            comparison.waiting = False
        yield *[gr.skip()] * 2, gr.Button(interactive=True), gr.Button(visible=False)


def _together(comparison: Comparison) -> tuple:
    """All places on one picture, and how far the lanes agree; hidden as long as there are none."""
    places, groups = comparison.places()
    if not places.regions:
        return (*[gr.skip()] * 2,)
    shown = scene(comparison.picture, places, groups, words=False)
    return shown, as_html(comparison.agreements())
