"""The offer to download Florence-2 on its locked tasks, and what becomes of it; the hub is a real socket."""

import os
import sys
import threading
import time
from types import SimpleNamespace

import gradio as gr
import pytest

from tests.support.async_tools import gather
from tests.support.fake_hub import hub
from tests.support.paths import ASSETS
from ui.components.download_offer import COMMAND
from ui.core.session import Visitor, find_engines
from ui.core.shutdown import RESTART, shutdown_registry
from ui.state.phase import Phase
from ui.state.task_run import TaskRun
from ui.tabs.task import TaskTab
from vlm_backends import Embedded, Local, find_model
from vlm_backends.config import Config
from vlm_backends.media import images

FLORENCE = find_model("microsoft/florence-2")
assert FLORENCE.weights
ID = FLORENCE.weights.id
GIVEN = 1, "", 0.5, *[None] * 4
COFFEE = images.read(ASSETS / "coffee.jpg")
LOCKED = "<CAPTION>", "<DETAILED_CAPTION>", "<MORE_DETAILED_CAPTION>", "<DENSE_REGION_CAPTION>"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of the hub, for this process too."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 20_000)
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def _nothing_goes_on():
    """Wait for a download that was stopped: who presses at once would join it."""
    yield
    while any(thread.name in ("download", "reply") for thread in threading.enumerate()):
        time.sleep(0.05)


@pytest.fixture
def address(tmp_path, cache, monkeypatch):
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(os.urandom(120_000))
    with hub({ID: folder}) as address:
        point_at(address, monkeypatch)
        yield address


def point_at(address, monkeypatch):
    url = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", url)


def tab_of(*engines, **settings):
    registry = find_engines(Embedded(), Config.from_env(settings))
    if engines:
        registry = type(registry)(engines, offers_downloads=registry.offers_downloads)
    with gr.Blocks():
        return TaskTab(FLORENCE, registry, gr.State(Visitor()))


@pytest.fixture
def tab():
    return tab_of(Embedded(), Local(offers=True))


def offered(tab, token="<CAPTION>", visitor=None, run=None):
    run = run or TaskRun()
    event = SimpleNamespace(token=token)
    return tab.choice.choose(run, visitor or Visitor(), event, *[None] * 4)[tab.download]


def test_each_locked_task_offers_the_model_by_its_size_and_licence(cache, tab):
    for token in LOCKED:
        assert offered(tab, token)["button"] == "Download Florence-2, 0.5 GB, MIT"
    for task in FLORENCE.tasks:
        assert (offered(tab, task.token) is None) == (task.token not in LOCKED)


def test_a_visitor_who_chose_the_missing_weights_is_offered_them_for_each_task(cache, tab):
    visitor = Visitor().choosing(FLORENCE, Local.name)
    assert "button" in offered(tab, "<OCR>", visitor)


def test_another_checkpoint_is_offered_by_its_own_name(cache):
    tab = tab_of(Embedded(), Local(ids={FLORENCE.id: "a/b"}, offers=True))
    assert offered(tab)["button"] == "Download a/b"


def test_without_the_libraries_the_page_shows_the_one_command(cache, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed
    shown = offered(tab_of())
    assert shown["command"] == COMMAND and "button" not in shown and "0.5 GB, MIT" in shown["hint"]
    readme = (ASSETS.parent / "README.md").read_text()
    assert all(f"`{part}`" in readme for part in COMMAND.split(" && "))


@pytest.mark.parametrize(
    "settings",
    [{"VLM_ENGINE": "embedded"}, {"SPACE_ID": "me/it"}, {"GRADIO_SERVER_NAME": "0.0.0.0"}],
)
def test_where_the_owner_does_not_allow_it_the_page_says_so(cache, settings):
    tab = tab_of(**settings)
    shown = offered(tab)
    assert "VLM_ENGINE=local" in shown["hint"] and not shown.keys() & {"button", "command"}
    run = TaskRun()
    _, _, landed = download(tab, run)  # an event that no button of the page sends
    assert not landed.keys() - {tab.run, tab.notice, tab.go, tab.stop, tab.download}
    assert not cache.exists()


def download(tab, run, visitor=None, during=lambda item: None):
    """Take, stream and land a download; return what the three handlers returned."""
    handlers = tab.downloads
    taken = handlers.take(run)

    async def stream():
        async for item in handlers.stream(run):
            during(item)
            yield item

    return taken, gather(stream()), handlers.land(run, visitor or Visitor(), *GIVEN)


def shares(items):
    return [item["share"] for item in items if "share" in item]


def test_a_download_is_followed_and_then_the_weights_are_asked(address, tab):
    run, visitor = TaskRun(token="<CAPTION>", picture=COFFEE), Visitor("nvapi-mine")
    taken, items, landed = download(tab, run, visitor)
    assert taken[tab.stop].visible and not taken[tab.go].interactive
    assert len(set(shares(items))) > 2 and shares(items) == sorted(shares(items))
    assert "MB" in items[-1]["hint"] and "%" in items[-1]["hint"]
    new = landed[tab.visitor]
    assert new.key == visitor.key and tab.registry.answering(new, FLORENCE).name == Local.name
    assert landed[tab.download] is None and not landed[tab.notice]
    assert run.phase is Phase.QUEUED and run.reply.question.task.token == "<CAPTION>"


def test_without_a_picture_the_weights_are_fetched_all_the_same(address, tab):
    run = TaskRun(token="<CAPTION>")
    *_, landed = download(tab, run)
    assert landed[tab.visitor] and "picture first" in landed[tab.notice] and not run.busy
    assert landed[tab.go].interactive and not landed[tab.stop].visible


def test_a_stop_keeps_the_fields_and_offers_it_again(address, tab):
    run = TaskRun(token="<CAPTION>")

    def stop(item):
        if item.get("share", 0) > 0:
            TaskRun.stop(run)

    _, items, landed = download(tab, run, during=stop)
    assert shares(items)[-1] < 1 and "stopped" in landed[tab.notice]
    assert "button" in landed[tab.download] and tab.visitor not in landed and not run.busy
    assert not landed.keys() & {tab.viewer, tab.pane.page, tab.words}


def test_a_hub_that_is_down_is_a_sentence(cache, tab, monkeypatch):
    point_at("http://127.0.0.1:9", monkeypatch)
    run = TaskRun(token="<CAPTION>")
    *_, landed = download(tab, run)
    assert "cannot be reached" in landed[tab.notice] and "button" in landed[tab.download]
    assert not landed[tab.go].interactive and not run.busy, "the task is still locked"


def test_a_restart_of_the_page_ends_it_with_a_sentence(address, tab):
    run = TaskRun(token="<CAPTION>")

    def restart(item):
        if item.get("share", 0) > 0:
            for interrupt in list(shutdown_registry._interrupts):
                interrupt(RESTART)

    *_, landed = download(tab, run, during=restart)
    assert "being restarted" in landed[tab.notice]


def test_meanwhile_no_task_is_run_and_the_progress_stays(address, tab):
    run, seen = TaskRun(token="<CAPTION>"), []

    def meanwhile(item):
        if item.get("share", 0) > 0 and not seen:
            seen.append(tab.handlers.take(run, *GIVEN)[tab.notice])
            seen.append(tab.handlers.finish(run, Visitor()))
            seen.append(tab.downloads.take(run)[tab.notice])
            assert tab.download not in tab.choice.describe(run, Visitor())

    *_, landed = download(tab, run, during=meanwhile)
    assert "still going" in seen[0] and seen[1] == gr.skip() and "still going" in seen[2]
    assert landed[tab.visitor]


def test_a_second_event_after_the_end_changes_nothing(address, tab):
    run = TaskRun(token="<CAPTION>")
    download(tab, run)
    assert tab.downloads.land(run, Visitor(), *GIVEN) == {tab.run: run}


def test_weights_that_came_meanwhile_are_asked_at_once(address, tab):
    download(tab, TaskRun(token="<CAPTION>"))
    assert offered(tab) is None
    run, began = TaskRun(token="<CAPTION>", picture=COFFEE), time.monotonic()
    _, items, landed = download(tab, run)  # the button of a page that was opened before
    assert not shares(items) and landed[tab.visitor] and time.monotonic() - began < 5
