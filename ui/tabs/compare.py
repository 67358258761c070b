"""Builds the tab that asks several models the same about one picture, and compares the answers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from ui.components.history_menu import FILLS_BROWSER
from ui.components.samples import ASSETS, Sample, picked_index
from ui.components.viewer import refused, scene
from ui.core.gradio_compat import QUIET, STREAMED
from ui.core.limits import current_user
from ui.core.markdown import verbatim
from ui.core.session import EngineRegistry, Visitor
from ui.core.storage import picture_path, store_picture
from ui.core.uploads import given_pictures
from ui.state.candidates import candidates, chosen_among, default_choice
from ui.state.comparison import MOST, Comparison, entries_for
from ui.state.history import History, cut_off
from ui.state.replies import PICTURE_FIRST
from ui.tabs.compare_runner import CompareFields, ComparisonHandlers
from ui.tabs.fields import PicturePane, shown_page, titled
from vlm_backends import BadPrompt, Picture, VLMError
from vlm_backends.intents import ASK, DESCRIBE, FIND, INTENTS, READ, Intent

EXAMPLES = (  # what is wanted, picture, words, who is asked besides the default choice
    (READ, "sign.jpg", "", ()),
    (FIND, "receipt.png", "total", ()),
    (ASK, "sign.jpg", "How far is it to Lake Loop?", ()),
    (DESCRIBE, "coffee.jpg", "", ()),
    (READ, "chart.png", "", ("google/deplot",)),
)
_BY_TITLE = {intent.title: intent for intent in INTENTS}


class CompareTab:
    """The components of the tab and their handlers.

    A handler returns {component: value}; a component that is left out stays as it is.
    """

    def __init__(self, registry: EngineRegistry, visitor: gr.State) -> None:
        self.registry, self.visitor = registry, visitor
        self.ends: list[Dependency] = []  # events that follow the end of each comparison
        self.comparison = gr.State(Comparison())
        self.kept = gr.State([])  # the keys of the candidates that were chosen by hand
        with gr.Row(elem_classes="work"):
            with gr.Column(scale=5, min_width=320, elem_classes="picture-pane"):
                self.pane = PicturePane("compare-viewer", _samples())
            with gr.Column(scale=6, min_width=320, elem_classes=["answer-pane", "scrolls"]):
                self._question()
                self._answers()
        with gr.Row(elem_classes="composer"):
            self._fields()
        self.viewer = self.pane.viewer
        fields = CompareFields(self.go, self.stop, self.viewer, self.agreement)
        self.handlers = ComparisonHandlers(registry, fields)
        self._wire_fields()
        self._wire_comparisons()

    def _question(self) -> None:
        self.intent = gr.Radio(
            list(_BY_TITLE),
            value=READ.title,
            label="What you want",
            elem_id="compare-purpose",
            elem_classes="compare-choice",
        )
        self.about = gr.Markdown(elem_classes="about")
        self.chosen = gr.CheckboxGroup(
            [],
            label=f"Whom to ask, {MOST} at most",
            elem_id="compare-models",
            elem_classes="compare-choice",
            show_select_all=False,
        )
        self.notice = gr.Markdown(elem_classes="notice", elem_id="compare-notice")

    def _answers(self) -> None:
        with gr.Row(elem_id="compare-answers", equal_height=False):
            self.answers = [
                gr.Markdown(visible=False, line_breaks=True, min_width=240, elem_classes="compared")
                for _ in range(MOST)
            ]
        self.agreement = gr.HTML(elem_classes="agreement")

    def _fields(self) -> None:
        self.words = gr.Textbox(
            label="Your words",
            visible=False,
            elem_id="compare-words",
            max_lines=4,
            show_label=False,
            scale=3,
        )
        self.stop = gr.Button("Stop", visible=False, elem_id="stop-compare", scale=0)
        self.go = gr.Button("Compare", variant="primary", elem_id="run-compare", scale=0)

    def _wire_fields(self) -> None:
        """Wire the events that fill the fields."""
        offered = [self.chosen, self.words, self.about]
        gr.on(None, self.offer, [self.visitor, self.intent, self.kept], offered, **QUIET)
        self.chosen.input(lambda chosen: chosen, self.chosen, self.kept, **QUIET)
        given = [self.comparison, self.viewer, self.pane.page, self.notice]
        self.pane.wire([self.comparison], given, self.picked, self.turned)

    def _wire_comparisons(self) -> None:
        """Wire the events that take a comparison, stream its answers, and compare them."""
        fields = [self.comparison, self.visitor, self.intent, self.pane.page]
        fields += [self.words, self.chosen]
        # A state is an output of each event: Gradio forgets one some time after it was last set.
        self.taken: list[Component] = [
            self.comparison,
            self.notice,
            self.go,
            self.stop,
            self.viewer,
            self.agreement,
            *self.answers,
        ]
        filled = [self.comparison, self.viewer, self.pane.page]
        filled += [self.intent, self.words, self.chosen, self.kept]
        inputs = [self.comparison, self.visitor]
        loaded = self.pane.samples.pick(self.load_sample, inputs, filled, **QUIET)
        asked = [self.go.click, self.words.submit]
        self._stream_after(gr.on(asked, self.take, fields, self.taken, **QUIET))
        self._stream_after(loaded.then(self.take, fields, self.taken, **QUIET))
        self.stop.click(Comparison.stop, self.comparison, None, **QUIET)

    def _stream_after(self, start: Dependency) -> None:
        inputs, handlers = [self.comparison, self.visitor], self.handlers
        for number, answer in enumerate(self.answers):
            stream = partial(handlers.stream, number)
            streamed = start.then(stream, inputs, answer, postprocess=False, **STREAMED)
            streamed.failure(partial(handlers.shown, number), self.comparison, answer, **QUIET)
        ended = handlers.fields.ended
        self.ends.append(start.then(handlers.watch, self.comparison, ended, **STREAMED))

    def offer(self, visitor: Visitor, title: str, kept: list[str]) -> dict:
        """Show whom to ask for this, the field for words, and what it is about.

        The candidates that were chosen by hand stay chosen.
        """
        intent = _BY_TITLE[title]
        found = candidates(self.registry, visitor, intent)
        chosen = [one.key for one in chosen_among(found, kept)] or default_choice(found)
        choices = [(candidate.title + candidate.remark, candidate.key) for candidate in found]
        label = intent.words[:1].upper() + intent.words[1:] or "Your words"
        return {
            self.chosen: gr.CheckboxGroup(choices, value=chosen),
            self.words: gr.Textbox(
                visible=bool(intent.words), label=label, placeholder=intent.example
            ),
            self.about: intent.about,
        }

    def wire_reload(
        self, opened: Callable[..., Dependency], history: History, browser: gr.Textbox
    ) -> None:
        """Have the tab go on, when it opens, with what this browser compared before."""

        async def resume(comparison: Comparison, number: str) -> dict[Any, Any]:
            kept = history.resume(number, current_user(), "compare", comparison)
            if kept is comparison or not kept.begun or not await cut_off(kept, number):
                return gr.skip()
            kept.shown_in = number
            texts = [entry.markdown() for entry in kept.entries]
            shown = [gr.Markdown(text, visible=True) for text in texts]
            return {
                self.comparison: kept,
                self.pane.page: shown_page(kept.given.page if kept.given else None),
                self.viewer: scene(kept.given),
                **dict(zip(self.answers, shown)),
                **self.handlers.together(kept),
            }

        shown = [self.comparison, self.pane.page, self.viewer, self.agreement, *self.answers]
        opened(resume, [self.comparison, browser], shown, js=FILLS_BROWSER, **QUIET)

    def picked(self, comparison: Comparison, event: gr.EventData) -> dict[Any, Any]:
        """Show a picture that was given, or say at the viewer what is wrong with it."""
        try:
            (picture,) = given_pictures(event, self.registry.limiter)
        except VLMError as error:
            return {self.viewer: refused(scene(comparison.given), str(error))}
        return self.show(comparison, picture) | {self.pane.page: shown_page(picture.page)}

    def turned(self, comparison: Comparison, page: int | None) -> dict[Any, Any]:
        """Show another page of the file."""
        if comparison.given is None or page is None:  # the number is still being typed
            return gr.skip()
        try:
            return self.show(comparison, store_picture(picture_path(comparison.given), page))
        except VLMError as error:
            return {self.notice: verbatim(str(error))}

    def show(self, comparison: Comparison, picture: Picture) -> dict[Any, Any]:
        """Show the picture, which is asked about from now on."""
        comparison.given = picture
        return {self.comparison: comparison, self.viewer: scene(picture), self.notice: ""}

    def load_sample(
        self, comparison: Comparison, visitor: Visitor, event: gr.EventData
    ) -> dict[Any, Any]:
        """Fill the fields with a sample: the default choice, and whom the sample wants."""
        index = picked_index(event, len(EXAMPLES))
        if index is None:
            return {self.comparison: comparison}
        intent, name, words, also = EXAMPLES[index]
        found = candidates(self.registry, visitor, intent)
        wanted = [next((one.key for one in found if id in one.models), None) for id in also]
        chosen = [*dict.fromkeys([*default_choice(found), *filter(None, wanted)])]
        picture = store_picture(ASSETS / name)
        comparison.given = picture
        return {
            self.comparison: comparison,
            self.viewer: scene(picture),
            self.pane.page: shown_page(picture.page),
            self.intent: intent.title,
            self.words: words,
            self.chosen: self.offer(visitor, intent.title, chosen)[self.chosen],
            self.kept: chosen if also else [],
        }

    def take(
        self,
        comparison: Comparison,
        visitor: Visitor,
        title: str,
        page: int | None,
        words: str,
        chosen: list[str],
    ) -> dict:
        """Take a comparison, or refuse it with a sentence before anything is spent."""
        intent = _BY_TITLE[title]
        try:
            picture = comparison.given
            if picture and page and picture.page.count > 1:  # the number counts at once
                picture = store_picture(picture_path(picture), page)
            self._begin(comparison, visitor, intent, picture, (words or "").strip(), chosen)
        except VLMError as error:
            return {self.comparison: comparison, self.notice: verbatim(str(error))}
        texts = [entry.markdown() for entry in comparison.entries]
        shown = [gr.Markdown(text, visible=True) for text in texts]
        hidden = [gr.Markdown("", visible=False)] * (MOST - len(shown))
        return {
            self.comparison: comparison,
            self.notice: "",
            self.go: gr.Button(interactive=False),
            self.stop: gr.Button(visible=True),
            self.viewer: scene(comparison.picture),
            self.agreement: "",
            **dict(zip(self.answers, [*shown, *hidden], strict=True)),
        }

    def _begin(
        self,
        comparison: Comparison,
        visitor: Visitor,
        intent: Intent,
        picture: Picture | None,
        words: str,
        keys: list[str],
    ) -> None:
        if comparison.busy:
            raise BadPrompt("The last comparison is still going. Stop it, or wait for its end.")
        if picture is None:
            raise BadPrompt(PICTURE_FIRST)
        found = candidates(self.registry, visitor, intent)
        entries = entries_for(chosen_among(found, keys), intent, picture, words)
        comparison.begin(picture, entries, words if intent is FIND else "")


def _samples() -> list[Sample]:
    return [Sample(picture, titled(intent.title, words)) for intent, picture, words, _ in EXAMPLES]
