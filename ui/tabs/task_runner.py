"""Runs tasks: takes a plan, streams its answers, stops it, and shows its end."""

from __future__ import annotations

from asyncio import sleep, to_thread
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import gradio as gr

from ui.components.fallback import accept_offer, offer
from ui.components.result_panel import facts_html
from ui.components.viewer import NOTHING, Action, Tools, scene
from ui.core.limits import quota_of
from ui.core.markdown import verbatim
from ui.core.session import EngineRegistry, Visitor
from ui.core.storage import picture_path, store_picture
from ui.state.phase import Phase
from ui.state.rendering import nothing_found, waiting
from ui.state.replies import PICTURE_FIRST, PageReply, Result, follow
from ui.state.task_plan import (
    TaskPlan,
    caption_then_places,
    places_in_caption,
    questions_about_boxes,
    single_question,
    task_prompt,
)
from ui.state.task_run import TaskRun, complete_box
from ui.tabs.run_fields import Given, RunFields
from vlm_backends import Answer, BadPrompt, Engine, Model, Question, VLMError, find_task
from vlm_backends.annotate.runner import rate_limit_for
from vlm_backends.endings import has_content
from vlm_backends.media.geometry import Box
from vlm_backends.models import DESCRIBE_GROUP, READ_GROUP
from vlm_backends.text import listed

ABOUT_BOXES = (
    Action("<REGION_TO_SEGMENTATION>", "Segment", points=True, solid=True),
    Action("<REGION_TO_DESCRIPTION>", "Describe"),
    Action("<REGION_TO_CATEGORY>", "Name"),
)
THEN_FIND = Action("ground", "Find each thing that these words name")
_LATE = "The run about the picture before was stopped."


@dataclass(frozen=True)
class TaskRunHandlers:
    """The handlers of a run, for a model with tasks; they return {component: value}."""

    model: Model
    registry: EngineRegistry
    fields: RunFields

    def take(self, run: TaskRun, *given: Any) -> dict:
        """Take a run, or refuse it with a sentence before anything is spent.

        `given` are the values of the fields, as in `Given`.
        """
        fields = Given.of(given)
        box = run.chosen_box(fields.region)
        run.box, run.words, run.confidence = complete_box(box), fields.words, fields.confidence
        asked = replace(fields, region=box)
        return self._taken(run, lambda: run.begin(single_question(self._question(run, asked))))

    def rerun(self, run: TaskRun, reruns: str) -> str:
        """Return another value where the task's answer about this picture is there; else the same.

        A change starts a run.
        """
        result = run.result
        task = result.question.task if result and result.picture == run.picture else None
        return uuid4().hex if task and task.token == run.token else reruns

    def take_both(self, run: TaskRun, *given: Any) -> dict:
        """Take a run that captions the picture, and then finds what the caption names."""
        fields = Given.of(given)
        return self._taken(run, lambda: run.begin(caption_then_places(self._question(run, fields))))

    def act(self, run: TaskRun, event: gr.EventData) -> dict:
        """Take what was chosen in the viewer, for boxes or for the words.

        The event comes from the browser: nothing in it is trusted.
        """
        name, boxes = getattr(event, "action", ""), getattr(event, "boxes", None)
        return self._taken(run, lambda: run.begin(self._plan_for(run, name, boxes)))

    def again(self, run: TaskRun) -> dict:
        """Take the last run once more, from its first step."""
        return self._taken(run, lambda: run.begin(run.plan))

    async def stream(self, run: TaskRun, visitor: Visitor) -> AsyncGenerator[Any, None]:
        """Yield the words so far, step by step."""
        if run.downloading or not run.claim():
            yield gr.skip()  # Gradio empties the outputs of a generator that ends without a yield
            return
        try:
            # In a thread: the choice of an engine may ask a server what it has.
            engine = await to_thread(self.registry.answering, visitor, self.model)
            more = run.reply is not None
            while more and run.reply:
                async for wait in self._wait_for_turn(run, engine):
                    yield wait
                async for words in self._answer(run, run.reply, visitor, engine):
                    yield words
                more = not (run.reply.failure or run.stopped) and run.next_step()
        except VLMError as error:
            run.error = str(error)
        finally:
            run.end()

    async def _answer(
        self, run: TaskRun, reply: PageReply, visitor: Visitor, engine: Engine
    ) -> AsyncGenerator[str, None]:
        admission = self.registry.admission(visitor, engine)
        observe = self.registry.journal.observe
        async with aclosing(follow(reply, engine, admission, observe)) as arriving:
            async for answer in arriving:
                words = verbatim(answer.text) or waiting(answer)
                yield _line(run.progress(), words)

    async def _wait_for_turn(self, run: TaskRun, engine: Engine) -> AsyncGenerator[str, None]:
        """Yield what to show while a run of several steps waits.

        It waits for the visitor's own quota, and for the rate limit of the service.
        """
        (window, _), limiter = rate_limit_for(engine), self.registry.limiter
        quota = quota_of(limiter)
        while (
            len(run.plan.steps) > 1
            and not run.stopped
            and (seconds := quota.questions.retry_after() or window.take())
        ):
            most = min(filter(None, (limiter.limits.questions, window.requests)))
            wait = f"*Waits {seconds:.0f} s: {most} requests a minute are allowed.*"
            yield _line(run.progress(), wait)
            await sleep(min(seconds, 1.0))

    def finish(self, run: TaskRun, visitor: Visitor) -> dict:
        """Show the picture with its regions, the words, and what was sent."""
        if run.downloading or run.phase is not Phase.ENDED:
            return gr.skip()
        done, steps = len(run.found), len(run.plan.steps)
        error = run.error or (run.reply.failure if run.reply else "")
        notice = verbatim(f"{done} of {steps} done. {error}" if error and steps > 1 else error)
        instead = offer(self.registry, visitor, self.model, run.reply)
        if run.is_late:
            notice, instead = _LATE, ""
        shown = self._shown(run, notice) if run.settle() else {}
        return {
            self.fields.notice: notice or "Stopped before the first word.",
            self.fields.go: gr.Button(interactive=self.runnable(run, visitor)),
            self.fields.stop: gr.Button(visible=False),
            self.fields.live: "",
            self.fields.instead: instead,
            self.fields.facts: facts_html(run.result),
            **shown,  # empty when nothing was found: the last result stays
        }

    def result_shown(self, run: TaskRun) -> dict:
        """Return what shows the result that the run holds."""
        return {self.fields.facts: facts_html(run.result), **self._shown(run, "")}

    def shown_again(self, run: TaskRun, visitor: Visitor) -> dict:
        """Show a run that was held before, with its end."""
        if run.phase is not Phase.ENDED or run.downloading:
            return {**self.result_shown(run), self.fields.viewer: self.shown(run)}
        ended = self.finish(run, visitor)
        return {self.fields.viewer: self.shown(run), **ended}

    def runnable(self, run: TaskRun, visitor: Visitor) -> bool:
        """Return True when the chosen task would be tried; a setting is refused when it runs."""
        try:
            engine = self.registry.answering(visitor, self.model)
        except VLMError:
            return True
        return engine.capability(self.model, find_task(run.token)).available

    def switch(self, run: TaskRun, visitor: Visitor) -> Visitor:
        """Return the visitor, who now asks the engine that was offered."""
        return accept_offer(self.registry, visitor, self.model, run.reply)

    def view(self, run: TaskRun, box: Box | None = None, answer: Answer = NOTHING) -> dict | None:
        """Return the picture with this answer's regions, ready for a box by hand."""
        found_by = run.result.question.task if run.result and has_content(answer) else None
        task = found_by or find_task(run.token)
        # The words that were read can be seen in the picture already.
        labels = False if task.group == READ_GROUP else None
        further = [THEN_FIND] if task.group == DESCRIBE_GROUP and answer.text else []
        tools = Tools(
            region_actions=ABOUT_BOXES,
            answer_actions=further,
            drawing=find_task(run.token).takes == "region",
            points=run.points,
            print=task.group == READ_GROUP,
            edits=run.changes if answer.regions else None,
            box=box,
            asked="" if answer is NOTHING else run.asked,
        )
        return scene(run.picture, answer, labels=labels, tools=tools)

    def shown(self, run: TaskRun) -> dict | None:
        """Return what the viewer shows: the last result, or the picture alone."""
        if run.result and run.result.picture == run.picture:
            return self.view(run, run.box, run.result.answer)
        return self.view(run)

    def take_download(self, run: TaskRun) -> dict:
        """Take a download of the model's weights in place of a run."""
        return self._taken(run, run.begin_download)

    def _taken(self, run: TaskRun, begin: Callable[[], None]) -> dict:
        fields = self.fields
        if run.active:
            waiting = "The last run is still going. Stop it, or wait for its end."
            return {fields.run: run, fields.notice: waiting}
        try:
            begin()
        except VLMError as error:
            return {fields.run: run, fields.notice: verbatim(str(error))}
        return {
            fields.run: run,
            fields.notice: "",
            fields.go: gr.Button(interactive=False),
            fields.stop: gr.Button(visible=True),
            fields.live: "",
            fields.facts: "",
            fields.instead: "",
        }

    def _question(self, run: TaskRun, given: Given) -> Question:
        box, picture = complete_box(given.region), run.picture
        if picture and given.page and picture.page.count > 1:  # the number counts at once
            picture = store_picture(picture_path(picture), given.page)
        prompt = task_prompt(run.token, picture, given.words, box, confidence=given.confidence)
        return Question(self.model, *prompt)

    def _shown(self, run: TaskRun, notice: str) -> dict:
        """Return what shows a result; where no region was found, the box that was asked about."""
        if run.result is None:
            return {}
        answer = run.result.answer
        empty = "" if has_content(answer) else _nothing(run, run.result)
        return {
            self.fields.notice: notice or empty,
            self.fields.viewer: self.view(run, None if answer.regions else run.box, answer),
            **self.fields.table.show(answer),
        }

    def _plan_for(self, run: TaskRun, name: object, boxes: object) -> TaskPlan:
        if run.picture is None:
            raise BadPrompt(PICTURE_FIRST)
        current = run.result if run.result and run.result.picture == run.picture else None
        shown = current.answer if current else NOTHING
        if name == THEN_FIND.name and shown.text:
            return places_in_caption(self.model, run.picture, shown, run.confidence)
        if name not in [known.name for known in ABOUT_BOXES]:
            raise BadPrompt(
                "This cannot be done with a region here. Choose Segment, Describe or Name."
            )
        return questions_about_boxes(
            self.model, run.picture, str(name), boxes, shown, run.confidence
        )


def _nothing(run: TaskRun, result: Result) -> str:
    """Say that nothing was found, and what was seen in the picture; the note is shown below."""
    said = nothing_found(replace(result.answer, note=""), result.question.task)
    seen = [words for _, words in run.seen] if run.looked is result.picture else []
    offered = f"In the picture: {verbatim(listed(seen))}. See the offers below it."
    return f"{said} {offered}" if seen else said


def _line(progress: str, words: str) -> str:
    return f"**{progress}**  \n{words}" if progress else words
