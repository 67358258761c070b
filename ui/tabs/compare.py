"""Builds the tab that asks several models the same about one picture, and compares the answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from ui.components.history_menu import FILLS_BROWSER, FILLS_OWN
from ui.components.samples import ASSETS, Sample, picked_index
from ui.components.viewer import given, refused, scene
from ui.core.events import CHOICE, QUIET, STREAMED
from ui.core.limits import current_user
from ui.core.markdown import verbatim
from ui.core.session import EngineRegistry, Visitor
from ui.core.storage import picture_path, store_picture
from ui.core.uploads import carried_picture, given_pictures
from ui.state.candidates import about, candidates, chosen_among, default_choice
from ui.state.comparison import MOST, Comparison, ComparisonEntry, entries_for
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
_SAMPLES = [Sample(file, titled(intent.title, words)) for intent, file, words, _ in EXAMPLES]
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
                self.pane = PicturePane("compare-viewer", _SAMPLES)
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
            label="Whom to ask",
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
        told = [self.kept, self.about]
        self.chosen.input(self.choose, [self.intent, self.chosen], told, **CHOICE)
        cleared = [self.notice, self.agreement, *self.answers]
        self.given = [self.comparison, self.viewer, self.pane.page, *cleared]
        self.pane.wire([self.comparison], self.given, self.picked, self.turned)

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
        filled = [*self.given, self.intent, self.words, self.chosen, self.kept]
        inputs = [self.comparison, self.visitor]
        loaded = self.pane.samples.pick(self.load_sample, inputs, filled, **CHOICE)
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
        watched = start.then(handlers.watch, self.comparison, handlers.fields.ended, **STREAMED)
        self.ends.append(watched)

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
            self.about: about(intent, chosen),
        }

    def choose(self, title: str, chosen: list[str]) -> dict:
        """Keep what was chosen by hand."""
        return {self.kept: chosen, self.about: about(_BY_TITLE[title], chosen)}

    def wire_reload(
        self, opened: Callable[..., Dependency], history: History, browser: gr.Textbox
    ) -> None:
        """Have the tab go on, when it opens, with what this browser compared before."""

        async def resume(comparison: Comparison, number: str) -> dict[Any, Any]:
            kept = history.resume(number, current_user(), "compare", comparison)
            if kept is comparison or not kept.begun or not await cut_off(kept, number):
                return gr.skip()
            kept.shown_in, (title, words) = number, kept.asked
            chosen = [entry.candidate.key for entry in kept.entries]
            asked = {self.intent: title, self.words: words, self.kept: chosen} if title else {}
            return {
                self.comparison: kept,
                **asked,
                self.pane.page: shown_page(kept.given.page if kept.given else None),
                self.viewer: scene(kept.given),
                **self._columns(kept.entries if kept.is_shown else ()),
                **self.handlers.together(kept),
            }

        shown = [self.comparison, self.pane.page, self.viewer, self.agreement, *self.answers]
        shown += [self.intent, self.words, self.kept, self.go, self.stop]
        begun = opened(resume, [self.comparison, browser], shown, js=FILLS_BROWSER, **QUIET)
        begun.then(self.carry, [self.comparison, browser], self.given, js=FILLS_OWN, **QUIET)

    def picked(self, comparison: Comparison, event: gr.EventData) -> dict[Any, Any]:
        """Show a picture that was given, or say at the viewer what is wrong with it."""
        try:
            (picture,) = given_pictures(event, self.registry.limiter)
        except VLMError as error:
            return {self.viewer: refused(self.handlers.view(comparison), str(error))}
        comparison.used = True
        return self.show(comparison, picture) | {self.pane.page: shown_page(picture.page)}

    def carry(self, comparison: Comparison, own: str) -> dict[Any, Any]:
        """Show the picture that was given on another tab, unless this one is in use."""
        picture = None if comparison.used or not own else carried_picture(own)
        if picture in (None, comparison.given):
            return gr.skip()
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
        shown = {self.comparison: comparison, self.viewer: given(scene(picture)), self.notice: ""}
        entries = comparison.entries if comparison.is_shown else ()
        if not entries:
            comparison.stop()
        shown |= {**self._columns(entries), self.agreement: ""}
        return shown | (self.handlers.together(comparison) if entries else {})

    def _columns(self, entries: Sequence[ComparisonEntry]) -> dict[Any, Any]:
        """Return what shows these entries, each in its column, and hides the other columns."""
        shown = [gr.Markdown(entry.markdown(), visible=True) for entry in entries]
        hidden = dict.fromkeys(self.answers, gr.Markdown("", visible=False))
        return hidden | dict(zip(self.answers, shown))

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
        return self.show(comparison, picture) | {
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
        return {
            self.comparison: comparison,
            self.notice: "",
            self.go: gr.Button(interactive=False),
            self.stop: gr.Button(visible=True),
            self.viewer: scene(comparison.picture),
            self.agreement: "",
            **self._columns(comparison.entries),
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
        comparison.asked = intent.title, words
