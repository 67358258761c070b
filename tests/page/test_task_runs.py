"""Runs of a task as the page has them: chains by clicking, the cascade, stops and failures in the middle; real sockets."""

import re
from types import SimpleNamespace

import gradio as gr
import pytest

from tests.support.async_tools import finished, gather
from tests.support.paths import ASSETS
from tests.support.updates import values_of
from tests.support.wire import replies as say
from ui.core.session import Visitor, find_engines
from ui.state.links import link_query
from ui.state.phase import Phase
from ui.state.task_run import TaskRun
from ui.tabs import task_runner
from ui.tabs.task import TaskTab
from vlm_backends import Embedded, find_model
from vlm_backends.media import images
from vlm_backends.ratelimit import SlidingWindow

KEY = "nvapi-canary-0123456789"

FLORENCE = find_model("microsoft/florence-2")
PICTURE = images.read(ASSETS / "coffee.jpg")


@pytest.fixture
def runs(wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    with gr.Blocks():
        return TaskTab(FLORENCE, find_engines(Embedded()), gr.State(Visitor())).handlers


def go(runs, run):
    lines = gather(runs.stream(run, Visitor(KEY)))
    return lines, finish(runs, run)


def finish(runs, run):
    return values_of(runs.finish(run, Visitor(KEY)), runs.fields.done)


def take(runs, run, token, words="", region=(None,) * 4):
    run.token, run.picture = token, PICTURE
    taken = runs.take(run, 1, words, 0.5, *region)
    return values_of(taken, runs.fields.taken)


def act(runs, run, action, boxes):
    acted = runs.act(run, SimpleNamespace(action=action, boxes=boxes))
    return values_of(acted, runs.fields.taken)


def test_detect_then_name_one_box_then_all(runs, wire):
    run = TaskRun()
    take(runs, run, "<OD>")
    _, (_, _, _, shown, *_) = go(runs, run)
    assert [region["label"] for region in shown["regions"]] == ["car", "wheel"] and shown["actions"]
    first = run.result.answer.regions[0].outline
    act(runs, run, "<REGION_TO_CATEGORY>", [[*first[0], *first[2]]])
    go(runs, run)
    assert run.result.answer.text.startswith("car\n") and len(run.result.answer.regions) == 2
    boxes = [[*region.outline[0], *region.outline[2]] for region in run.result.answer.regions]
    act(runs, run, "<REGION_TO_SEGMENTATION>", boxes)
    lines, (notice, *_) = go(runs, run)
    assert not notice and any("2 of 2" in line for line in lines if isinstance(line, str))
    assert [region.is_mask for region in run.result.answer.regions] == [True, True, False, False]
    masks = [region.label for region in run.result.answer.regions if region.is_mask]
    assert masks == [region.label for region in run.result.answer.regions if not region.is_mask], (
        "a mask has its box's name"
    )
    assert len(wire.asked("chat")) == 4 and not wire.assets
    assert [seen.token for seen in wire.asked("chat")] == [KEY] * 4


@pytest.mark.parametrize("finds_first", [False, True])
def test_a_picture_that_is_given_during_a_run_stays_and_the_run_ends(runs, finds_first):
    with gr.Blocks():
        tab = TaskTab(FLORENCE, runs.registry, gr.State(Visitor()))
    run, newer = TaskRun(), images.read(ASSETS / "sign.jpg")
    if finds_first:
        take(runs, run, "<OD>")
        go(runs, run)
    take(runs, run, "<OD>")
    shown = tab.pictures.show(newer, run)[tab.viewer]
    assert (shown["width"], shown["regions"]) == (newer.width, []) and run.stopped
    _, (notice, go_button, _, viewer, _, facts, *_) = go(runs, run)
    assert "picture before was stopped" in notice and go_button.interactive
    assert viewer == gr.skip() and facts == "" and run.picture is newer and run.result is None
    take(runs, run, "<OD>")
    assert not go(runs, run)[1][0], "the next is about the new picture"


def test_a_box_counts_before_the_fields_show_it(runs):
    with gr.Blocks():
        tab = TaskTab(FLORENCE, runs.registry, gr.State(Visitor()))
    old, new, typed = (0.1, 0.1, 0.2, 0.2), (0.5, 0.5, 0.9, 0.9), (0.3, 0.3, 0.4, 0.4)
    for shown, meant in ((old, new), (new, new), (typed, typed)):
        run = TaskRun()
        drawn = tab.pictures.drawn(run, SimpleNamespace(box=[*new]), *old)
        assert values_of(drawn, [*tab.region, tab.notice]) == [*new, ""]
        take(runs, run, "<REGION_TO_SEGMENTATION>", region=shown)
        assert run.box == meant
        run = TaskRun(phase=Phase.ENDED, drawn=run.drawn, before=run.before)
        take(runs, run, "<REGION_TO_SEGMENTATION>", region=old)
        assert run.box == old, "a box counts once"
    run = TaskRun()
    tab.pictures.drawn(run, SimpleNamespace(box=[*new]), *[None] * 4)
    tab.pictures.show(PICTURE, run)
    _, notice, *_ = take(runs, run, "<REGION_TO_SEGMENTATION>")
    assert "region" in notice and not run.busy


def test_another_confidence_runs_only_what_was_answered(runs):
    run = TaskRun(token="<OD>", picture=PICTURE)
    assert runs.rerun(run, "same") == "same", "there was no run yet"
    take(runs, run, "<OD>")
    go(runs, run)
    assert runs.rerun(run, "same") != "same" and runs.rerun(run, "") != runs.rerun(run, "")
    run.token = "<OCR_WITH_REGION>"
    assert runs.rerun(run, "same") == "same", "another task"
    run.token, run.picture = "<OD>", images.read(ASSETS / "sign.jpg")
    assert runs.rerun(run, "same") == "same", "another picture"


@pytest.mark.parametrize("token, name, clicks", [
    ("<REGION_TO_SEGMENTATION>", "Built-in tools", True), ("<REGION_TO_DESCRIPTION>", "Built-in tools", False),
    ("<REGION_TO_CATEGORY>", "Built-in tools", False), ("<REGION_TO_SEGMENTATION>", "NVIDIA", False),
])  # fmt: skip
def test_a_click_is_a_point_only_where_the_engine_takes_one(runs, token, name, clicks):
    with gr.Blocks():
        tab = TaskTab(FLORENCE, runs.registry, gr.State(Visitor()))
    run = TaskRun(token=token, picture=PICTURE)
    tab.choice.describe(run, Visitor(KEY).choosing(FLORENCE, name))
    assert tab.handlers.view(run)["points"] == clicks


@pytest.mark.parametrize("action, boxes", [
    ("<REGION_TO_CATEGORY>", None), ("<REGION_TO_CATEGORY>", []), ("<REGION_TO_CATEGORY>", "x"), ("<REGION_TO_CATEGORY>", [[0, 0, 0, 0]]),
    ("<REGION_TO_CATEGORY>", [[0, 0, 2, 1]]), ("<REGION_TO_CATEGORY>", [["a", 0, 1, 1]]), ("<REGION_TO_CATEGORY>", [{"x": 1}]),
    ("<REGION_TO_CATEGORY>", [[float("nan"), 0, 1, 1]]), ("<REGION_TO_CATEGORY>", [[0.1, 0.1, 0.5, 0.5]] * 101),
    ("<OD>", [[0.1, 0.1, 0.5, 0.5]]), ("__class__", [[0.1, 0.1, 0.5, 0.5]]), (None, None), ([], {}), ({"a": 1}, 7), ("ground", None),
])  # fmt: skip
def test_what_the_browser_wishes_is_not_trusted(runs, wire, action, boxes):
    run = TaskRun(picture=PICTURE)
    _, notice, *_ = act(runs, run, action, boxes)
    assert notice and not run.busy and not wire.seen


def test_nothing_is_done_without_a_picture(runs):
    _, notice, *_ = act(runs, TaskRun(), "<REGION_TO_CATEGORY>", [[0.1, 0.1, 0.5, 0.5]])
    assert "picture first" in notice


def test_a_caption_and_then_the_places_of_what_it_names_in_one_click(runs, wire):
    run = TaskRun(token="<CAPTION>")
    run.picture = PICTURE
    runs.take_both(run, 1, "", 0.5, *[None] * 4)
    go(runs, run)
    answer = run.result.answer
    assert answer.text.startswith("This is a") and len(answer.regions) == 2
    assert all(answer.text[slice(*region.span)] == region.label for region in answer.regions)
    assert len(wire.asked("chat")) == 2


def test_the_words_of_a_caption_are_found_without_asking_for_it_again(runs, wire):
    run = TaskRun()
    take(runs, run, "<CAPTION>")
    _, (_, _, _, shown, *_) = go(runs, run)
    assert [action["name"] for action in shown["further"]] == ["ground"]
    act(runs, run, "ground", None)
    go(runs, run)
    assert len(run.result.answer.regions) == 2 and len(wire.asked("chat")) == 2


BOXES = [[0.1, 0.1, 0.5, 0.5], [0.5, 0.5, 0.9, 0.9], [0.2, 0.2, 0.3, 0.3]]


def at_the_first_answer(runs, run, act):
    """Streams the run; `act` is called when the first step has answered and the second is not asked yet."""

    async def drive():
        async for line in runs.stream(run, Visitor(KEY)):
            if line.startswith("**1 of 3**") and "car" in line:
                act()

    finished(drive())
    return finish(runs, run)


def test_a_failure_in_the_middle_keeps_what_was_found(runs, wire):
    run = TaskRun(picture=PICTURE)
    act(runs, run, "<REGION_TO_CATEGORY>", BOXES)
    refusal = say.status(422, '{"detail": "no"}')
    notice, *_ = at_the_first_answer(runs, run, lambda: wire.script.append(refusal))
    assert "1 of 3 done" in notice.replace("\\", "") and run.result.answer.text == "car"
    assert len(wire.asked("chat")) == 2 and not wire.assets


def test_a_failed_run_leaves_what_stood_there(runs, wire):
    run = TaskRun()
    take(runs, run, "<OD>")
    go(runs, run)
    kept = run.result
    wire.script.append(say.status(422, '{"detail": "no"}'))
    take(runs, run, "<CAPTION>")
    _, (notice, _, _, shown, *_) = go(runs, run)
    assert notice and shown == gr.skip() and run.result is kept


def test_stop_ends_the_chain_and_keeps_what_was_found(runs, wire):
    run = TaskRun(picture=PICTURE)
    act(runs, run, "<REGION_TO_CATEGORY>", BOXES)
    at_the_first_answer(runs, run, run.stop)
    assert run.result.answer.text == "car" and not run.busy
    assert len(wire.asked("chat")) == 1 and not wire.assets


def test_many_boxes_keep_the_pace_of_the_service_and_say_so(runs, wire, monkeypatch):
    window = SlidingWindow(2, 4.0)  # more than two answers take on a busy machine
    monkeypatch.setattr(task_runner, "rate_limit_for", lambda engine: (window, 4))
    run = TaskRun(picture=PICTURE)
    act(runs, run, "<REGION_TO_CATEGORY>", BOXES)
    lines, (notice, *_) = go(runs, run)
    assert not notice and len(run.found) == len(wire.asked("chat")) == 3
    assert any(
        "3 of 3" in line and re.search(r"Waits \d s: 2 requests", line)
        for line in lines
        if isinstance(line, str)
    )


def test_a_stop_ends_the_wait_for_the_pace(runs, wire, monkeypatch):
    window = SlidingWindow(1, 3600.0)
    monkeypatch.setattr(task_runner, "rate_limit_for", lambda engine: (window, 4))
    run = TaskRun(picture=PICTURE)
    act(runs, run, "<REGION_TO_CATEGORY>", BOXES)

    async def drive():
        async for line in runs.stream(run, Visitor(KEY)):
            if "Waits" in line:
                run.stop()

    finished(drive())
    runs.finish(run, Visitor(KEY))
    assert run.result.answer.text == "car" and len(wire.asked("chat")) == 1


def test_a_second_run_waits(runs):
    run = TaskRun()
    take(runs, run, "<OD>")
    _, notice, *_ = take(runs, run, "<CAPTION>")
    assert "still going" in notice and run.reply.question.task.token == "<OD>"


@pytest.mark.parametrize("example, token, query", [
    (None, "", "model=florence-2"), (0, "", "model=florence-2&example=1"),
    (2, "<OD>", "model=florence-2&task=OD&example=3"), (None, "<OD>&key=x", "model=florence-2&task=OD%3E%26key%3Dx"),
])  # fmt: skip
def test_a_link_holds_the_tab_the_task_and_the_example(example, token, query):
    assert link_query(FLORENCE, example, token) == query


def test_a_new_picture_forgets_the_result_of_the_one_before(wire, monkeypatch):
    """Or its facts and its table would stand beside another picture, and be exported with it."""
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    with gr.Blocks():
        tab = TaskTab(FLORENCE, find_engines(Embedded()), gr.State(Visitor()))
    run = TaskRun()
    take(tab.handlers, run, "<OD>")
    go(tab.handlers, run)
    assert run.result and "PNG" not in tab.outcome.take(run, SimpleNamespace(format="PNG")).get(
        "said", ""
    )
    shown = tab.pictures.show(images.read(ASSETS / "sign.jpg"), run)
    assert run.result is None and shown[tab.outcome.facts] == ""
    assert shown[tab.table.box].visible is False
    assert "nothing to export yet" in tab.outcome.take(run, SimpleNamespace(format="PNG"))["said"]
