"""What happens when a task is run: a plan is begun, streamed, stopped and shown."""

from asyncio import sleep, to_thread
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass

import gradio as gr

from ui.components.fallback import accepted, offer
from ui.components.result_panel import ledger
from ui.components.viewer import NOTHING, Action, scene
from ui.core.limits import quota_of
from ui.core.session import EngineRegistry, Visitor
from ui.state.question import follow
from ui.state.rendering import verbatim
from ui.state.task_run import (
    Plan,
    Run,
    about_boxes,
    nothing,
    one,
    places_of,
    said,
    task_prompt,
    then_places,
)
from vlm_backends import Answer, BadPrompt, Engine, Model, Prompt, Task, VLMError, find_task
from vlm_backends.annotate.runner import rate_limit_for
from vlm_backends.models import DESCRIBE, READ

ABOUT_BOXES = (
    Action("<REGION_TO_SEGMENTATION>", "Segment"),
    Action("<REGION_TO_DESCRIPTION>", "Describe"),
    Action("<REGION_TO_CATEGORY>", "Name"),
)
THEN_FIND = Action("ground", "Find each thing that these words name")
_LATE = "This answer is about the picture that was in the field when it was asked. Run again for another."
_BEGUN, _ENDED = 5, 7  # outputs of what begins and ends a run


@dataclass(frozen=True)
class Runs:
    """The handlers of a run, for a model with tasks."""

    model: Model
    registry: EngineRegistry

    def take(self, run: Run, path: str | None, words: str, *region: float) -> tuple:
        """A run is begun, or refused with a sentence before anything is spent."""
        region = run.meant(region)
        run.box = None if None in region else region
        return _begun(run, lambda: one(self.model, *_question(run, path, words, region)))

    def take_both(self, run: Run, path: str | None, words: str, *region: float) -> tuple:
        """A caption, and then the places of what it names."""
        return _begun(run, lambda: then_places(self.model, *_question(run, path, words, region)))

    def act(self, run: Run, event: gr.EventData) -> tuple:
        """What was wished in the viewer, for boxes or for the words; the browser's word is not trusted."""
        return _begun(
            run,
            lambda: self._wished(run, getattr(event, "deed", ""), getattr(event, "boxes", None)),
        )

    def again(self, run: Run) -> tuple:
        """The last run once more, from its first step."""
        return _begun(run, lambda: run.plan)

    async def stream(self, run: Run, visitor: Visitor) -> AsyncIterator[str]:
        """The words so far, step by step."""
        fresh, run.fresh = run.fresh, False
        if not fresh:
            yield gr.skip()  # Gradio empties the outputs of a generator that ends without a word
            return
        try:
            engine = await to_thread(
                self.registry.answering, visitor, self.model
            )  # it may ask a server
            for step in run.plan.steps:
                if run.found:
                    run.asking = step(run.found)
                async for pause in self._turn(run, engine):
                    yield pause
                admission = self.registry.admission(visitor, engine)
                async with aclosing(follow(run.asking, engine, admission)) as arriving:
                    async for answer in arriving:
                        yield _line(
                            run.progress(), verbatim(answer.text) or f"*{verbatim(answer.status)}*"
                        )
                if run.asking.error or run.halted:
                    break
                run.found.append(run.asking.answer)
        except VLMError as error:
            run.error = str(error)
        finally:
            run.clock.tick()
            run.over = True

    async def _turn(self, run: Run, engine: Engine) -> AsyncIterator[str]:
        """What to show while a run of several steps waits for the visitor's turn, and for the service's pace."""
        (window, _), limiter = rate_limit_for(engine), self.registry.limiter
        quota = quota_of(limiter)
        while (
            len(run.plan.steps) > 1
            and not run.halted
            and (seconds := quota.questions.retry_after() or window.take())
        ):
            most = min(filter(None, (limiter.limits.questions, window.requests)))
            yield _line(
                run.progress(), f"*Waits {seconds:.0f} s: {most} requests a minute are allowed.*"
            )
            await sleep(min(seconds, 1.0))

    def finish(self, run: Run, visitor: Visitor) -> tuple:
        """The picture with its regions, the words, and what was sent."""
        if not (run.waiting and run.over):
            return (*[gr.skip()] * _ENDED,)
        done, steps, settled = len(run.found), len(run.plan.steps), run.settle()
        error, instead = (
            run.error or run.asking.error,
            offer(self.registry, visitor, self.model, run.asking),
        )
        notice = verbatim(f"{done} of {steps} done. {error}" if error and steps > 1 else error)
        buttons = gr.Button(interactive=True), gr.Button(visible=False)
        if not settled:  # what stood there stays
            return (
                notice or "Stopped before the first word.",
                *buttons,
                gr.skip(),
                "",
                gr.skip(),
                instead,
            )
        notice = notice or (_LATE if _late(run, run.asked.answer) else "")
        notice = notice or ("" if said(run.asked.answer) else nothing(run.asked.answer))
        return notice, *buttons, self._seen(run), "", ledger(run.asked), instead

    def switch(self, run: Run, visitor: Visitor) -> Visitor:
        """The visitor, who now asks the engine that can answer."""
        return accepted(self.registry, visitor, self.model, run.asking)

    def view(self, run: Run, box: tuple | None = None, answer: Answer = NOTHING) -> dict | None:
        """The picture, with this answer's regions, ready for a box by hand; what is read needs no names beside it."""
        task = run.asked.task if run.asked and said(answer) else find_task(run.token)
        names, draw = False if task.group == READ else None, task.takes == "region"
        further = [THEN_FIND] if task.group == DESCRIBE and answer.text else []
        if _late(run, answer):  # nothing more can be asked about that picture
            return scene(run.asked.picture, answer, names=names)
        return scene(
            run.picture,
            answer,
            names=names,
            draw=draw,
            box=box,
            actions=ABOUT_BOXES,
            further=further,
        )

    def _seen(self, run: Run) -> dict | None:
        """The picture with what was found; where nothing was, the box that was asked about, to be drawn better."""
        answer = run.asked.answer
        return self.view(run, None if answer.regions else run.box, answer)

    def _wished(self, run: Run, deed: object, boxes: object) -> Plan:
        if run.picture is None:
            raise BadPrompt("Add a picture first: drop, paste or upload one, or click an example.")
        shown = run.asked.answer if run.asked and run.asked.picture == run.picture else NOTHING
        if deed == THEN_FIND.name and run.asked and shown.text:
            return places_of(self.model, run.picture, shown)
        if deed not in [known.name for known in ABOUT_BOXES]:
            raise BadPrompt(
                "This cannot be done with a region here. Choose Segment, Describe or Name."
            )
        return about_boxes(self.model, run.picture, str(deed), boxes, shown)


def _late(run: Run, answer: Answer) -> bool:
    """True for an answer that came when another picture, or none, was in the field already."""
    return answer is not NOTHING and run.asked.picture != run.picture


def _begun(run: Run, plan: Callable[[], Plan]) -> tuple:
    if run.waiting and not run.over:
        return (
            run,
            "The last run is still going. Stop it, or wait for its end.",
            *[gr.skip()] * (_BEGUN - 2),
        )
    try:
        run.begin(plan())
    except VLMError as error:
        return run, verbatim(str(error)), *[gr.skip()] * (_BEGUN - 2)
    return run, "", gr.Button(interactive=False), gr.Button(visible=True), ""


def _question(run: Run, path: str | None, words: str, region: tuple) -> tuple[Prompt, Task]:
    return task_prompt(run.token, path, words, None if None in region else region)


def _line(progress: str, words: str) -> str:
    return f"**{progress}**  \n{words}" if progress else words
