"""A visitor's picture goes along to other tabs, where nothing of their own is lost for it; and what fits it is chosen."""

import re
from types import SimpleNamespace

import gradio as gr
import pytest
from PIL import Image

from tests.support.async_tools import finished, gather
from tests.support.paths import ASSETS
from tests.support.updates import value_of, values_of
from ui.components.offers import offers_about
from ui.core.session import Visitor, find_engines
from ui.core.storage import picture_path, store_picture
from ui.state.candidates import Candidate
from ui.state.comparison import Comparison, ComparisonEntry
from ui.state.conversation import Conversation
from ui.state.replies import Result
from ui.state.task_plan import single_question, task_prompt
from ui.state.task_run import TaskRun
from ui.tabs.chat import ChatTab
from ui.tabs.compare import CompareTab
from ui.tabs.task import TaskTab
from ui.tabs.task_pictures import OFFERS
from ui.tabs.task_runner import _nothing
from vlm_backends import Answer, Embedded, Prompt, Question, Region, Timing, Turn, find_model
from vlm_backends.media import images

FLORENCE = find_model("microsoft/florence-2")
LLAMA = find_model("meta/llama-3.2-11b-vision-instruct")
NOBODY = Visitor()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    (tmp_path / "uploads").mkdir()


@pytest.fixture
def own():
    """The path of a picture that was given on another tab."""
    return picture_path(store_picture(ASSETS / "coffee.jpg"))


@pytest.fixture
def registry():
    return find_engines(Embedded())


@pytest.fixture
def task(registry):
    with gr.Blocks():
        return TaskTab(FLORENCE, registry, gr.State(NOBODY))


@pytest.fixture
def chat(registry):
    with gr.Blocks():
        return ChatTab(LLAMA, registry, gr.State(NOBODY))


def answered(tab, words="Lake Loop"):
    return Result(tab.first_question(), Embedded(), Answer(words), Timing(0.1, 0.2))


def test_an_unused_task_tab_opens_with_it(task, own):
    run = TaskRun()
    task.show_result(run, NOBODY, answered(task))
    shown = task.pictures.carry(run, own)
    assert values_of(shown, task.pictures.shown)[1]["path"] == own
    assert run.picture.width == 600 and run.result is None and not run.used
    assert task.pictures.carry(run, own) == gr.skip(), "it is there already"


def test_an_unused_chat_opens_with_it_and_its_sample_leaves(chat, own):
    conversation = Conversation()
    chat.show_result(conversation, NOBODY, answered(chat))
    assert conversation.turns and conversation.messages
    shown = chat.attached.carry(conversation, {"text": "typed", "files": []}, own)
    assert shown[chat.box] == {"text": "typed", "files": [own]}
    assert shown[chat.viewer]["path"] == own and shown[chat.chatbot] == []
    assert not (conversation.turns or conversation.result or conversation.used)
    assert chat.attached.carry(conversation, None, own) == gr.skip()


@pytest.mark.parametrize("state", [Conversation, TaskRun, Comparison])
def test_what_the_visitor_did_elsewhere_stays(state, task, chat, registry, own):
    with gr.Blocks():
        compare = CompareTab(registry, gr.State(NOBODY))
    used = state(used=True)
    shown = (
        compare.carry(used, own)
        if state is Comparison
        else task.pictures.carry(used, own)
        if state is TaskRun
        else chat.attached.carry(used, None, own)
    )
    assert shown == gr.skip()
    fresh = Comparison()
    assert compare.carry(fresh, own)[compare.viewer]["path"] == own and fresh.given.width == 600


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", str(ASSETS / "cat.jpg"), "gone.jpg", "a\0b", "x" * 9000, 7, None, []],
)
def test_what_is_no_upload_of_this_page_does_not_come_along(path, task, chat):
    run, conversation = TaskRun(), Conversation()
    assert task.pictures.carry(run, path) == gr.skip() and run.picture is None
    assert chat.attached.carry(conversation, None, path) == gr.skip() and not conversation.begun


def test_a_question_about_the_sample_goes_on_with_it(chat):
    conversation = Conversation()
    chat.show_result(conversation, NOBODY, answered(chat))
    conversation.put(Turn("user", "And how far?"))
    assert len(conversation.turns) == 3 and conversation.used


def test_a_picture_of_the_visitor_is_not_asked_about_with_the_sample(chat):
    conversation = Conversation()
    chat.show_result(conversation, NOBODY, answered(chat))
    conversation.put(Turn("user", "What is it?", (images.read(ASSETS / "cat.jpg"),)))
    assert len(conversation.turns) == 1 and conversation.used
    conversation.reset()
    conversation.put(Turn("user", "And this?", (images.read(ASSETS / "coffee.jpg"),)))
    assert len(conversation.turns) == 2, "its own turns stay"


@pytest.mark.parametrize("token, linked, runs, keeps", [
    ("<OCR_WITH_REGION>", True, False, True), ("<OD>", True, True, False), ("<OCR>", True, True, False), ("<OD>", False, False, True),
    ("<OPEN_VOCABULARY_DETECTION>", True, False, True), ("<REGION_TO_SEGMENTATION>", True, False, True), ("<CAPTION>", True, False, True),
])  # fmt: skip
def test_a_task_that_was_chosen_while_the_sample_is_read_stays(task, token, linked, runs, keeps):
    """One that a link chose runs at once; a visitor presses Run."""
    run = TaskRun(token=token, linked=linked)
    shown = task.show_result(run, NOBODY, answered(task))
    values_of(shown, task.opened)
    assert run.token == shown[task.tasks]["chosen"] == token
    assert (task.choice.reruns in shown) == runs and (run.result is not None) == keeps
    assert shown[task.viewer]["path"] == picture_path(run.picture)


@pytest.mark.parametrize("token, linked, has_picture, runs", [
    ("<OD>", True, True, True), ("<OD>", False, True, False), ("<OD>", True, False, False), ("<CAPTION>", True, True, False),
    ("<OPEN_VOCABULARY_DETECTION>", True, True, False), ("<NONSENSE>", True, True, False),
])  # fmt: skip
def test_a_link_runs_what_needs_nothing_more(task, token, linked, has_picture, runs):
    run = TaskRun(picture=store_picture(ASSETS / "coffee.jpg") if has_picture else None)
    event = SimpleNamespace(token=token, linked=linked)
    shown = task.choice.choose(run, NOBODY, event, *[None] * 4)
    assert (task.choice.reruns in shown) == runs
    values_of(shown, [*task.choice.fields.chosen, task.choice.reruns])


SEEN = ("things", "1 cup"), ("text", "3 lines of text"), ("chart", "a chart"), ("table", "a table")


@pytest.mark.parametrize("token, seen, chosen, fitted", [
    ("<OCR_WITH_REGION>", SEEN[:1], False, "<OD>"), ("<OD>", SEEN[1:2], False, "<OCR_WITH_REGION>"),
    ("<OD>", SEEN[3:], False, "<OCR>"), ("<OD>", SEEN[:2], False, "<OD>"), ("<OCR_WITH_REGION>", SEEN[:2], False, "<OCR_WITH_REGION>"),
    ("<OD>", (), False, "<OD>"), ("<OD>", SEEN[2:3], False, "<OD>"), ("<OD>", SEEN[1:2], True, "<OD>"),
    ("<OPEN_VOCABULARY_DETECTION>", SEEN[1:2], False, "<OPEN_VOCABULARY_DETECTION>"),
])  # fmt: skip
def test_a_task_is_chosen_that_finds_something_in_a_new_picture(task, token, seen, chosen, fitted):
    picture = store_picture(ASSETS / "coffee.jpg")
    run = TaskRun(token=token, seen=seen, chose=chosen, picture=picture, looked=picture)
    shown = task.choice.fit(run, NOBODY)
    assert run.token == fitted
    assert shown == gr.skip() if fitted == token else shown[task.tasks]["chosen"] == fitted


@pytest.mark.parametrize("why", ["a run", "a sample", "another picture", "not looked over"])
def test_a_task_is_not_changed_when_it_was_not_seen_in_this_picture(task, why):
    picture, other = store_picture(ASSETS / "coffee.jpg"), store_picture(ASSETS / "cat.jpg")
    run = TaskRun(token="<OD>", seen=SEEN[1:2], picture=picture, looked=picture)
    if why == "a run":
        run.enqueue()
    run.example = 0 if why == "a sample" else None
    run.looked = other if why == "another picture" else None if "not" in why else picture
    assert task.choice.fit(run, NOBODY) == gr.skip() and run.token == "<OD>"


@pytest.mark.parametrize("download", [False, True])
def test_a_sample_waits_for_what_does_not_end(task, monkeypatch, download):
    monkeypatch.setattr("ui.state.task_run._PATIENCE_S", 0.1)
    run = TaskRun(token="<OD>", picture=store_picture(ASSETS / "coffee.jpg"))
    run.begin_download() if download else run.enqueue()
    assert finished(task.pick_sample(run, NOBODY, SimpleNamespace(index=1))) == gr.skip()
    assert run.example is None and run.picture.width == 600
    assert run.stopped is not download
    run.reset()
    run.downloading = False
    finished(task.pick_sample(run, NOBODY, SimpleNamespace(index=1)))
    assert run.example == 1


def test_a_sample_ends_the_run_that_is_on_its_way(task):
    run = TaskRun(token="<OD>", picture=store_picture(ASSETS / "coffee.jpg"))
    prompt = task_prompt("<OD>", run.picture, "", None)
    run.begin(single_question(Question(task.model, *prompt)))
    run.claim()
    run.stop_token.add_callback(run.end)
    finished(task.pick_sample(run, NOBODY, SimpleNamespace(index=1)))
    assert run.example == 1 and not run.busy and run.result is None


def test_a_new_picture_stops_no_download_and_no_run_about_itself(task):
    picture = store_picture(ASSETS / "coffee.jpg")
    run = TaskRun(picture=picture)
    run.begin_download()
    task.pictures.show(store_picture(ASSETS / "cat.jpg"), run)
    assert not run.stopped
    run = TaskRun(token="<OD>", picture=picture)
    task.handlers.take(run, 1, "", 0.5, *[None] * 4)
    task.pictures.show(picture, run)
    assert run.active and not run.stopped, "its page was chosen, and it was run at once"
    task.pictures.show(store_picture(ASSETS / "cat.jpg"), run)
    assert run.stopped


def test_a_link_names_the_sample_only_with_the_sample_s_own_task(task):
    run = TaskRun()
    task.load_example(run, 2, NOBODY)
    assert run.link(FLORENCE).endswith("task=REGION_TO_SEGMENTATION&example=3")
    task.choice.choose(run, NOBODY, SimpleNamespace(token="<OD>"), *[None] * 4)
    assert run.link(FLORENCE).endswith("task=OD")


def test_a_picture_is_looked_over_once_and_again_when_that_was_cut_off():
    state, picture = TaskRun(), store_picture(ASSETS / "coffee.jpg")

    async def first():
        async for shown in offers_about(state, OFFERS, lambda: picture):
            return shown  # the visitor leaves

    assert finished(first())["busy"] and state.looked is None
    *_, last = gather(offers_about(state, OFFERS, lambda: picture))
    assert not last["busy"] and last["offers"] and state.looked is picture
    assert gather(offers_about(state, OFFERS, lambda: picture)) == [last], (
        "it is not looked over again"
    )
    assert gather(offers_about(state, OFFERS, lambda: None))[0]["offers"] == []


@pytest.mark.parametrize(
    "colour, offers, is_said", [("white", OFFERS, True), (None, OFFERS, False), (None, {}, False)]
)
def test_a_picture_in_which_nothing_was_seen_says_so(tmp_path, colour, offers, is_said):
    """What is seen and has no offer in this tab is no reason to say that nothing was."""
    path = ASSETS / "coffee.jpg"
    if colour:
        path = tmp_path / "blank.png"
        Image.new("RGB", (300, 200), colour).save(path)
    picture = store_picture(path)
    *_, last = gather(offers_about(TaskRun(), offers, lambda: picture))
    assert ("no text, and no thing" in last["said"]) == is_said
    assert bool(last["offers"]) == (not is_said and bool(offers))


def test_the_task_that_wanted_a_box_no_longer_draws(task):
    run = TaskRun(token="<REGION_TO_SEGMENTATION>", picture=store_picture(ASSETS / "coffee.jpg"))
    event = SimpleNamespace(token="<OD>")
    shown = task.choice.choose(run, NOBODY, event, 0.1, 0.1, 0.5, 0.5)
    assert shown[task.viewer]["draw"] is False
    shown = task.choice.choose(run, NOBODY, SimpleNamespace(token="<OCR>"), *[None] * 4)
    assert task.viewer not in shown, "a picture is not sent again for nothing"


@pytest.mark.parametrize("token, seen, said", [
    ("<OCR>", SEEN[:1], r"No text found\. In the picture: 1 cup\. See the offers"), ("<OCR>", (), r"No text found\.$"),
    ("<OD>", SEEN[1:3], r"Nothing was found in this picture\. In the picture: 3 lines of text and a chart\."),
])  # fmt: skip
def test_that_nothing_was_found_points_to_what_there_is(task, token, seen, said):
    prompt, asked = task_prompt(token, str(ASSETS / "coffee.jpg"), "", None)
    question = Question(FLORENCE, prompt, asked)
    run = TaskRun(seen=seen, looked=question.picture)
    result = Result(question, Embedded(), Answer("", note="By X."))
    assert re.search(said, _nothing(run, result).replace("\\", ""))
    run.looked = None  # it was another picture
    assert "See the offers" not in _nothing(run, result)
    assert value_of({}, task.notice) == gr.skip()


def test_a_chat_shows_the_picture_that_was_given_while_it_answered(chat, own):
    conversation = Conversation()
    chat.show_result(conversation, NOBODY, answered(chat))
    conversation.given = store_picture(own)
    assert chat.handlers.shown(conversation)["path"] == own
    assert chat.handlers.shown(conversation)["given"], "it goes along"
    conversation.given = None
    assert chat.handlers.shown(conversation)["path"] != own


def test_what_is_no_picture_takes_nothing_away(chat, task, registry):
    event = SimpleNamespace(paths=["/etc/passwd"])
    region = Region("Lake Loop", ((0.1, 0.1), (0.2, 0.1), (0.2, 0.2), (0.1, 0.2)))
    conversation = Conversation()
    found = Result(chat.first_question(), Embedded(), Answer("Lake Loop", (region,)), Timing())
    chat.show_result(conversation, NOBODY, found)
    shown = chat.attached.picked(conversation, None, event)[chat.viewer]
    assert "no longer on the server" in shown["said"] and len(shown["regions"]) == 1
    run = TaskRun()
    found = Result(task.first_question(), Embedded(), Answer("Lake Loop", (region,)), Timing())
    task.show_result(run, NOBODY, found)
    assert len(task.pictures.picked(run, event)[task.viewer]["regions"]) == 1
    with gr.Blocks():
        compare = CompareTab(registry, gr.State(NOBODY))
    comparison = Comparison(given=found.picture, picture=found.picture)
    comparison.places = lambda: (found.answer, ("A",))
    assert len(compare.picked(comparison, event)[compare.viewer]["regions"]) == 1
    comparison.given = store_picture(ASSETS / "cat.jpg")
    assert not compare.picked(comparison, event)[compare.viewer]["regions"], "another picture"


def test_another_picture_stops_a_comparison(registry):
    with gr.Blocks():
        compare = CompareTab(registry, gr.State(NOBODY))
    comparison, picture = Comparison(), store_picture(ASSETS / "cat.jpg")
    question = Question(LLAMA, Prompt((Turn("user", "What?", (picture,)),)))
    entry = ComparisonEntry(Candidate(LLAMA, "Built-in tools"), question)
    comparison.begin(picture, [entry], "")
    compare.show(comparison, store_picture(ASSETS / "coffee.jpg"))
    assert entry.stopped


@pytest.mark.parametrize("locked", [True, False])
def test_a_locked_task_offers_no_second_button_that_runs(task, locked):
    run = TaskRun(picture=store_picture(ASSETS / "coffee.jpg"))
    shown = task.choice.choose(
        run, NOBODY, SimpleNamespace(token="<CAPTION>" if locked else "<OD>"), *[None] * 4
    )
    assert not shown[task.both].visible


def test_a_task_that_wants_a_box_shows_no_facts_of_the_answer_before(task):
    run = TaskRun()
    task.show_result(run, NOBODY, answered(task))
    event = SimpleNamespace(token="<REGION_TO_SEGMENTATION>")
    assert task.choice.choose(run, NOBODY, event, *[None] * 4)[task.outcome.facts] == ""
    event = SimpleNamespace(token="<OD>")
    assert "Total" in task.choice.choose(run, NOBODY, event, *[None] * 4)[task.outcome.facts]
