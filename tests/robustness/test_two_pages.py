"""Two pages behind nginx, by `deploy/nginx.conf`: each visit stays with its page; a page that dies ends its own visits only."""

import os
import re
import shutil
import sys
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager

import httpx
import pytest
import requests
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from tests.support.paths import ASSETS
from tests.support.ports import free_port
from tests.support.processes import ROOT, begun, ended, running, until_served

LLAMA = "meta/llama-3.2-11b-vision-instruct"
LOST = (
    AppError,
    httpx.HTTPError,
    CancelledError,
    ValueError,
)  # as gradio_client tells of it, whichever request it was
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
sync_api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: see requirements-dev.txt"
)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not NGINX, reason="nginx is not installed: apt-get install nginx-light"),
]


@contextmanager
def nginx(folder, ports, sticky=True):
    """Run nginx with the example, changed as little as possible, before these pages; yield its URL."""
    front = free_port()
    text = (ROOT / "deploy/nginx.conf").read_text()
    changes = {"worker_processes auto": "worker_processes 1", "127.0.0.1:7860": f"127.0.0.1:{ports[0]}", "127.0.0.1:7861": f"127.0.0.1:{ports[1]}",
               "listen 8080": f"listen 127.0.0.1:{front}", "http {": "http { access_log off; client_body_temp_path body; proxy_temp_path proxy; "
               "fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;"}  # fmt: skip
    if not sticky:
        changes["hash $visitor consistent;"] = ""
    for old, new in changes.items():
        assert text.count(old) == 1, f"{old} is not in the example"
        text = text.replace(old, new)
    folder.mkdir()
    (folder / "nginx.conf").write_text(text)
    command = [
        NGINX,
        "-p",
        str(folder),
        "-c",
        str(folder / "nginx.conf"),
        "-e",
        "error.log",
        "-g",
        "daemon off; pid nginx.pid;",
    ]
    with running(command, f"http://127.0.0.1:{front}/config"):
        yield f"http://127.0.0.1:{front}"


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Yield the ports of two pages, each with its own folder for uploads, and their processes."""
    ports, processes = (free_port(), free_port()), []
    with ExitStack() as stack:
        for port in ports:
            env = {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port), "VLM_ENGINE": "embedded",
                   "GRADIO_TEMP_DIR": str(tmp_path_factory.mktemp("uploads"))}  # fmt: skip
            processes.append(begun([sys.executable, "app.py"], **env))
            stack.callback(ended, processes[-1])
        for port, process in zip(ports, processes):
            until_served(f"http://127.0.0.1:{port}/config", process)
        yield ports, processes


@pytest.fixture(scope="module")
def url(pages, tmp_path_factory):
    with nginx(tmp_path_factory.mktemp("nginx") / "sticky", pages[0]) as url:
        yield url


def newcomer(url):
    """Begin a visit; return it and the page that has it."""
    visit = requests.Session()
    return visit, which(visit, url)


def which(visit, url):
    return visit.get(f"{url}/config", timeout=10).json()["app_id"]


def elsewhere(url, page):
    """Return a visit that another page has."""
    for _ in range(60):
        visit, other = newcomer(url)
        if other != page:
            return visit
    raise AssertionError("sixty visitors came to the same page")


def by_script(url, cookies=None):
    """Do what a visitor does by gradio_client: a task with an upload, and a chat with one."""
    client = Client(
        url,
        verbose=False,
        httpx_kwargs={"cookies": cookies, "timeout": 60} if cookies else {"timeout": 60},
    )
    text, picture, details = client.predict(
        "<REGION_TO_SEGMENTATION>",
        handle_file(ASSETS / "coffee.jpg"),
        "",
        [0.12, 0.04, 0.81, 0.97],
        api_name="/florence2",
    )
    assert details["regions"][0]["solid"] and picture
    said, _, _ = client.predict(
        LLAMA, "What is written here?", handle_file(ASSETS / "sign.jpg"), api_name="/chat"
    )
    assert "PINE RIDGE" in said
    return client


def opened(context, url):
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{url}?model={LLAMA.rpartition('/')[2]}")
    page.locator("#who").get_by_text("Built-in tools · free").wait_for(state="attached")
    return page


def uploaded(page):
    page.get_by_role("tab", name="Florence-2").click()
    page.locator("#result input[type=file] >> nth=0").set_input_files(ASSETS / "sign.jpg")
    page.locator("#result img").first.wait_for()
    page.locator("#tasks").get_by_text("Read", exact=True).click()


def cookies_of(context):
    return {cookie["name"]: cookie["value"] for cookie in context.cookies()}


def test_two_visits_at_two_pages_each_complete(url, browser):
    context = browser.new_context()
    page = opened(context, url)
    page.locator(".sample:visible").first.click()
    page.locator(".conversation:visible .bot").first.wait_for()
    visit = requests.Session()
    visit.cookies.update(cookies_of(context))
    here = which(visit, url)
    client = by_script(
        url, elsewhere(url, here).cookies.get_dict()
    )  # while the other visit goes on
    uploaded(page)
    page.locator("#run-task").click()
    sync_api.expect(page.locator(".linked-words:visible .text")).to_contain_text(
        "PINE RIDGE PARK", timeout=60_000
    )
    assert client.config["app_id"] != here == which(visit, url), "each stayed where it was"
    context.close()


def test_every_visit_that_begins_has_a_cookie_of_its_own(url):
    assert len({newcomer(url)[0].cookies["page"] for _ in range(4)}) == 4
    assert "Set-Cookie" not in requests.get(f"{url}/gradio_api/info", timeout=10).headers


def test_a_script_without_cookies_stays_by_its_address(url):
    for _ in range(4):
        event = requests.post(
            f"{url}/gradio_api/call/models", json={"data": []}, timeout=30
        ).json()["event_id"]
        assert LLAMA in requests.get(f"{url}/gradio_api/call/models/{event}", timeout=30).text


def test_without_it_a_visit_is_lost_between_the_pages(pages, tmp_path):
    with nginx(tmp_path / "round", pages[0], sticky=False) as url, pytest.raises(LOST):
        by_script(url)


@pytest.mark.parametrize("headers, root", [
    ({}, r"http://127\.0\.0\.1:\d+"), ({"Host": "vlm.example"}, "http://vlm.example"), ({"Host": "vlm.example:8443"}, "http://vlm.example:8443"),
])  # fmt: skip
def test_the_page_knows_the_address_that_visitors_use(url, headers, root):
    assert re.fullmatch(
        root, requests.get(f"{url}/config", headers=headers, timeout=10).json()["root"]
    )


def test_behind_tls_it_is_an_https_address(pages):
    forwarded = {"X-Forwarded-Host": "vlm.example", "X-Forwarded-Proto": "https"}
    assert (
        requests.get(
            f"http://127.0.0.1:{pages[0][0]}/config", headers=forwarded, timeout=10
        ).json()["root"]
        == "https://vlm.example"
    )


def test_a_page_that_dies_takes_its_own_visits_only(url, pages, browser):
    """Run last: it leaves only one page."""
    ports, processes = pages
    apps = [
        requests.get(f"http://127.0.0.1:{port}/config", timeout=10).json()["app_id"]
        for port in ports
    ]
    context = browser.new_context()
    page = opened(context, url)
    uploaded(page)
    visit = requests.Session()
    visit.cookies.update(cookies_of(context))
    dead = apps.index(which(visit, url))
    processes[dead].kill()
    processes[dead].wait()
    assert {newcomer(url)[1] for _ in range(12)} == {which(visit, url)} == {apps[1 - dead]}
    page.goto(url)
    page.locator("#who").get_by_text("Built-in tools · free").wait_for(state="attached")
    context.close()
