"""The pictures that a visitor gives in the viewer: nothing that the browser says is trusted."""

import base64
from types import SimpleNamespace

import pytest

from tests.support.paths import ASSETS
from ui.core.storage import picture_path, store_picture
from ui.core.uploads import given_files, given_pictures
from vlm_backends import BadPrompt, Refused
from vlm_backends.ratelimit import RateLimiter, VisitorLimits

FREE = RateLimiter()
CAT = (ASSETS / "cat.jpg").read_bytes()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    (tmp_path / "uploads").mkdir()
    return tmp_path / "uploads"


def event(**data):
    return SimpleNamespace(**data)


def test_an_upload_is_a_picture(folder):
    path = folder / "cat.jpg"
    path.write_bytes(CAT)
    (picture,) = given_pictures(event(paths=[str(path)]), FREE)
    assert (picture.width, picture.name) == (store_picture(ASSETS / "cat.jpg").width, "cat.jpg")


def test_so_many_are_taken_as_a_message_may_hold(folder):
    for i in range(4):
        (folder / f"{i}.jpg").write_bytes(CAT)
    paths = [str(folder / f"{i}.jpg") for i in range(4)]
    assert len(given_pictures(event(paths=paths), FREE, most=3)) == 3
    assert len(given_files(event(paths=paths * 50), FREE)) == 100


@pytest.mark.parametrize("path", [
    "/etc/passwd", "../../etc/passwd", "", ".", "\0", "a" * 5000, None, 7, ["x"], {"path": "/etc/passwd"}, "file:///etc/passwd",
    "/proc/self/environ", "~/.ssh/id_rsa",
])  # fmt: skip
def test_a_path_outside_of_the_uploads_is_refused(folder, path):
    with pytest.raises(BadPrompt, match="no longer on the server"):
        given_pictures(event(paths=[path]), FREE)


def test_a_link_out_of_the_uploads_is_refused(folder, tmp_path):
    (tmp_path / "secret.jpg").write_bytes(CAT)
    (folder / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    with pytest.raises(BadPrompt, match="no longer on the server"):
        given_pictures(event(paths=[str(folder / "link.jpg")]), FREE)


@pytest.mark.parametrize("data", [{}, {"paths": []}, {"paths": "x"}, {"paths": None}, {"url": ""}, {"url": None}, {"url": "  "}])  # fmt: skip
def test_an_event_without_a_picture_is_a_sentence(folder, data):
    with pytest.raises(BadPrompt, match="No picture arrived"):
        given_pictures(event(**data), FREE)


def test_a_data_url_is_a_picture(folder):
    address = f"data:image/jpeg;base64,{base64.b64encode(CAT).decode()}"
    (picture,) = given_pictures(event(url=address), FREE)
    assert picture_path(picture).startswith(str(folder))


@pytest.mark.parametrize("address, said", [
    ("data:image/png;base64,AAAA", "could not be read|not a picture|no picture"),
    ("data:image/png,abc", "must be in base64"),
    ("data:image/png;base64,%%%", "broken or cut off"),
    ("http://127.0.0.1:1/cat.jpg", "public one"), ("http://[::1]/cat.jpg", "public one"), ("http://169.254.169.254/latest/meta-data", "public one"),
    ("file:///etc/passwd", "http.s. address"), ("ftp://example.com/cat.jpg", "http.s. address"), ("javascript:alert(1)", "http.s. address"), ("cat.jpg", "http.s. address"),
    ("http://", "public one"), ("https://user:secret@localhost/x.png", "public one"),
])  # fmt: skip
def test_an_address_that_gives_no_picture_is_a_sentence(folder, address, said):
    with pytest.raises(BadPrompt, match=said) as caught:
        given_pictures(event(url=address), FREE)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "[::ffff:127.0.0.1]"])
def test_a_server_on_this_machine_is_never_asked(folder, wire, host):
    port = wire.url.rpartition(":")[2]
    with pytest.raises(BadPrompt, match="must be a public one"):
        given_pictures(event(url=f"http://{host}:{port}/v1/models"), FREE)
    assert not wire.seen


def test_a_fetch_counts_as_sent_before_anything_is_fetched(folder):
    limiter = RateLimiter(VisitorLimits(megabytes=10))
    for _ in range(2):
        with pytest.raises(BadPrompt, match="must be a public one"):
            given_pictures(event(url="http://127.0.0.1:1/cat.jpg"), limiter)
    with pytest.raises(Refused, match="as much as this page takes in an hour"):
        given_pictures(event(url="http://127.0.0.1:1/cat.jpg"), limiter)
    data = f"data:image/jpeg;base64,{base64.b64encode(CAT).decode()}"
    assert given_pictures(event(url=data), limiter), "its bytes were counted when they arrived"
