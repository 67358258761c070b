"""View Code: what the code sends is what the engine sends, byte for byte, and what it prints is what the engine heard.

Every program is run as a visitor would paste it, by Python and by bash, against the local server; nothing is mocked.
"""

import ast
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.support.paths import ASSETS, ROOT
from tests.support.syntax import parse
from tests.support.table_pictures import Look, table
from tests.support.wire import replies as say
from vlm_backends import (
    CATALOGUE,
    NVIDIA,
    TASKS,
    BadPrompt,
    Embedded,
    Local,
    OpenAI,
    Prompt,
    Sampling,
    Turn,
    ask,
    find_model,
    find_task,
    read,
    write_task,
)
from vlm_backends.cli import ask_main as main
from vlm_backends.cli import ask_options as _options
from vlm_backends.engines import openai
from vlm_backends.engines.http.client import RequestPolicy
from vlm_backends.engines.wire.errors import explain
from vlm_backends.engines.wire.responses import parse_chunks
from vlm_backends.media import images
from vlm_backends.snippets import Code, code

KEY, SERVER_KEY = "nvapi-canary-0123456789", "server-canary-0123456789"
LLAMA, FLORENCE, PHI, NEVA, KOSMOS = map(find_model, (
    "meta/llama-3.2-11b-vision-instruct", "microsoft/florence-2", "microsoft/phi-3.5-vision-instruct",
    "nvidia/neva-22b", "microsoft/kosmos-2",
))  # fmt: skip
SIGN, SLIDE = read(ASSETS / "sign.jpg"), read(ASSETS / "slide1.png")
QUICK = RequestPolicy(connect_timeout=2, idle_timeout=5, backoff=0.01, poll_interval=0.01)
LANGUAGES = "python", "shell"
SAID = ("accept", "authorization", "content-type", "nvcf-input-asset-references", "nvcf-function-asset-ids",
        "x-amz-meta-nvcf-asset-description")  # fmt: skip

pytestmark = pytest.mark.skipif(
    not shutil.which("curl"), reason="curl is not installed: apt-get install curl"
)


def tall_print():
    """A page whose print is too small for the inline budget."""
    page = Image.new("RGB", (2400, 3000), "white")
    pen = ImageDraw.Draw(page)
    for y in range(20, 2980, 24):
        pen.text(
            (20, y), f"{y} sphinx of black quartz judge my vow " * 9, fill="black", font_size=20
        )
    return read(page)


def small(colour):
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(buffer, "PNG")
    return read(buffer.getvalue())


def question(text="What is in this image?", pictures=(SIGN,), sampling=None):
    return Prompt((Turn("user", text, pictures),), sampling)


def run(made: Code, language: str, folder: Path, **env: str) -> subprocess.CompletedProcess:
    """The program, pasted into a folder with its pictures."""
    for name, picture in made.files:
        (folder / name).write_bytes(picture.data)
    command = [sys.executable, "program"] if language == "python" else ["bash", "program"]
    (folder / "program").write_text(getattr(made, language), encoding="utf-8", newline="")
    paths = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    clean = {
        "PATH": paths,
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "TMPDIR": str(folder),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env=clean | env,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert not list(folder.glob("tmp*")), "something was left behind"
    return done


def well(done: subprocess.CompletedProcess) -> str:
    assert done.returncode == 0 and not done.stderr, done.stdout + done.stderr
    return done.stdout


def seen_by(wire, start=0):
    """The requests since `start`, without what differs from call to call: ids become their order of appearance."""
    ids: dict[str, str] = {}

    def plain(text):
        return re.sub(
            r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b",
            lambda id: ids.setdefault(id[0], f"id {len(ids)}"),
            text,
        )

    requests = []
    for seen in wire.seen[start:]:
        said = {
            name: plain(value) for name in SAID if (value := seen.headers.get(name)) is not None
        }
        if (
            seen.route == "result"
        ):  # another host, reached by a redirect: what matters is that the key stays behind
            said = {name: value for name, value in said.items() if name == "authorization"}
        body = (
            seen.body
            if seen.route == "upload"
            else json.loads(plain(seen.body.decode()))
            if seen.body
            else None
        )
        requests.append((seen.method, plain(seen.path), said, body))
    return requests


def heard(language, streams, output, sent):
    """What the engine would have read in the program's output; of a Python stream the words alone."""
    refuse = partial(explain, who="The service")
    if not streams:
        return [*parse_chunks([json.loads(output)], sent, refuse)]
    if language == "python":
        return output.removesuffix("\n")
    events = [
        json.loads(line.removeprefix("data: "))
        for line in output.splitlines()
        if line.startswith("data: {")
    ]
    assert output.rstrip().endswith("data: [DONE]")
    return "".join(said.text for said in parse_chunks(events, sent, refuse))


def same(wire, engine, model, prompt, folder, task=None, **env):
    """Asks by the engine and by both programs; all three must have sent and heard the same. Returns the code."""
    arrived = [*engine.stream(model, prompt)]
    sent = next(chunk.sent for chunk in arrived if chunk.sent)
    expected = seen_by(wire)
    streams = model.streams or isinstance(engine, OpenAI)
    said = [
        chunk for chunk in arrived if chunk.text or chunk.regions or (chunk.tokens and not streams)
    ]
    words = "".join(chunk.text for chunk in arrived)
    made = code(engine, model, prompt, task, sent)
    assert made == code(engine, model, prompt, task), (
        "what is known of the way changes nothing but the time"
    )
    assert KEY not in repr(made) and SERVER_KEY not in repr(made)
    for language in LANGUAGES:
        start = len(wire.seen)
        output = well(
            run(made, language, folder, **{"NVIDIA_API_KEY": KEY, "VLM_API_KEY": SERVER_KEY} | env)
        )
        assert seen_by(wire, start) == expected, language
        assert heard(language, streams, output, sent) == (words if streams else said), language
        assert words or said
    assert not wire.assets, "an asset was left behind"
    return made


# --- NVIDIA ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def nvidia(wire):
    return NVIDIA(KEY, wire.url, QUICK)


@pytest.mark.parametrize(
    "model", [model for model in CATALOGUE if not model.tasks], ids=lambda model: model.id
)
def test_every_chat_model(wire, nvidia, model, tmp_path):
    prompt = question(
        model.prompts[0], (read(ASSETS / model.samples[0]),), Sampling(77, 0.31, 0.62, 7)
    )
    made = same(wire, nvidia, model, prompt, tmp_path)
    body = wire.asked("chat")[-1].json
    assert (body["max_tokens"], body["temperature"], body["top_p"], body["seed"]) == (
        77,
        0.31,
        0.62,
        7,
    )
    assert "python3" not in made.shell, "the shell needs curl and base64 alone"


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.token)
def test_every_task_of_florence_by_asset_and_zip(wire, nvidia, task, tmp_path):
    text = write_task(
        task, "a “black” dog's $HOME", (0.25, 0.1, 0.75, 1.0) if task.takes == "region" else None
    )
    same(wire, nvidia, FLORENCE, question(text, (SLIDE,)), tmp_path, task)
    assert len(wire.deleted) == 3 and len(wire.asked("result")) == 3
    assert all(seen.token is None for seen in wire.seen if seen.route in ("upload", "result")), (
        "the key left NVIDIA"
    )


@pytest.mark.parametrize("entities", [True, False])
def test_florence_without_a_zip(wire, nvidia, entities, tmp_path):
    wire.florence_zip, wire.florence_entities = False, entities
    same(wire, nvidia, FLORENCE, question("<OD>"), tmp_path, find_task("<OD>"))


@pytest.mark.slow
def test_small_print_goes_by_asset_as_a_jpeg_and_its_answer_streams(wire, nvidia, tmp_path):
    page = tall_print()
    made = same(wire, nvidia, NEVA, question("Read it.", (page,)), tmp_path)
    ((name, picture),) = made.files
    assert name == "picture.jpg" and picture == images.as_jpeg(page) and len(wire.deleted) == 3


@pytest.mark.slow
def test_a_photograph_is_fitted_and_goes_inline(wire, nvidia, tmp_path):
    large = read(Image.effect_mandelbrot((2600, 2000), (-2, -1, 1, 1), 80).convert("RGB"))
    ((_, picture),) = same(wire, nvidia, LLAMA, question("What?", (large,)), tmp_path).files
    assert picture == images.encode(large) != large


@pytest.mark.slow
def test_several_pictures_of_several_turns_each_by_its_own_way(wire, nvidia, tmp_path):
    page, red, blue = tall_print(), small("red"), small("blue")
    turns = (Turn("user", "These?", (red, page)), Turn("assistant", "A “red” one.\nAnd print."),
             Turn("user", "And this, or that again?", (blue, red, page)))  # fmt: skip
    made = same(wire, nvidia, PHI, Prompt(turns), tmp_path)
    assert [name for name, _ in made.files] == ["picture-1.png", "picture-2.jpg", "picture-3.png"]
    assert len(wire.asked("upload")) == 3, "one asset a call: the same picture is not sent twice"


def test_a_talk_goes_with_all_its_turns_and_without_a_picture_too(wire, nvidia, tmp_path):
    turns = Turn("user", "One", (SIGN,)), Turn("assistant", "Two"), Turn("user", "Three")
    same(wire, nvidia, LLAMA, Prompt(turns), tmp_path)
    assert len(wire.seen[-1].json["messages"]) == 3
    made = code(nvidia, LLAMA, question("Words", ()))
    assert made.files == () and all(
        "Words" in well(run(made, each, tmp_path, NVIDIA_API_KEY=KEY)) for each in LANGUAGES
    )


def test_a_model_that_does_not_converse_gets_the_last_turn_alone(wire, nvidia, tmp_path):
    turns = Turn("user", "Old words", (SIGN,)), Turn("assistant", "Two"), Turn("user", "detect cat")
    made = same(wire, nvidia, find_model("google/paligemma"), Prompt(turns), tmp_path)
    assert "Old words" not in made.python + made.shell


NASTY = {
    "quotes": """He said "it's 'fine'" and ''' or \"\"\" too""", "backslashes": r"C:\new\table \\server \" \' \u0041 \x41",
    "dollar": "$HOME ${PATH} $(id) $((1+1)) $NVIDIA_API_KEY", "backtick": "`id` ``", "braces": "{picture} {{x}} {0!r:>{y}} }{",
    "newlines": "one\ntwo\r\nthree\n\n", "a document's end": "\nJSON\nid\nEOF\nEND\n", "script": "</script><script>alert(1)</script>",
    "letters": "Grüße, Жар-птица, 東京, العربية, हिन्दी", "emoji": "👩‍👩‍👧 🇳🇱 🏴‍☠️", "blanks": "  \t \u00a0\u2003 x \u2028 y \u2029 z \x85 ",
    "controls": "\x00 \x01 \x07 \x1b[31m \x7f \x9b", "direction": "a \u202e b \u2066 c", "half a letter": "\ud83d and \udc00",
    "marks": "PICTURE PICTURE1 PICTURE_1 PICTURE__ picture @picture", "a picture": '<img src="data:image/png;base64,AAAA" />',
    "format": "%s %d %(x)s %%", "names": r"\N{BULLET} \\N{{x}} \N", "history": "!! !$ !id ^a^b", "home": "~ ~root * ? [a-z]",
    "comment": "# not a comment ; rm -rf x && false | true > y < z &", "option": "--help", "at": "@/etc/passwd", "empty": "",
    "long": "word " * 40_000, "json": '{"role": "system", "content": "\\"}]}"',
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", NASTY)
def test_nasty_words_arrive_as_they_are(wire, nvidia, name, tmp_path):
    text, shown = NASTY[name], small("red")
    turns = Turn("user", text, (shown,)), Turn("assistant", text), Turn("user", f"{text} again")
    made = code(nvidia, NEVA, Prompt(turns))
    wire.script.extend([say.sse(["yes"])] * 2)
    outputs = [well(run(made, language, tmp_path, NVIDIA_API_KEY=KEY)) for language in LANGUAGES]
    assert "yes" in outputs[0] and "yes" in outputs[1] and len(wire.asked("chat")) == 2
    for seen in wire.asked("chat"):
        first, second, third = (message["content"] for message in seen.json["messages"])
        heard = json.loads(json.dumps(text))  # as JSON sees two halves of a letter
        assert (
            first.startswith(heard + ' <img src="data:image/png;base64,')
            and second == heard
            and third == f"{heard} again"
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["picture.png", "program"], (
        "something was run or written"
    )


@pytest.mark.parametrize("name", NASTY)
def test_code_shows_no_letter_that_hides(name, nvidia):
    made = code(nvidia, NEVA, question(NASTY[name], (small("red"),)))
    assert all(letter.isprintable() or letter == "\n" for letter in made.python + made.shell)
    assert made.python.encode() and made.shell.encode()


def heeding():
    """A run in the background ignores these signals, which the shell would show as traps."""
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def test_a_pasted_script_leaves_the_terminal_as_it_was(wire, nvidia, tmp_path):
    """In an interactive bash, where history is expanded, and where set -e would close the window."""
    made = code(nvidia, NEVA, question(NASTY["history"], (small("red"),)))
    script = (
        "set -o history -o histexpand\n"
        + made.shell
        + "false\necho still here; trap -p; echo $reply$bearer\n"
    )
    command = ["bash", "--norc", "-i"]
    (tmp_path / "picture.png").write_bytes(made.files[0][1].data)
    done = subprocess.run(command, input=script, cwd=tmp_path, capture_output=True, text=True, timeout=60,
                          preexec_fn=heeding, env={"PATH": os.environ["PATH"], "NVIDIA_API_KEY": KEY, "HOME": str(tmp_path)})  # fmt: skip
    assert "still here\n\n" in done.stdout and "trap" not in done.stdout
    assert wire.seen[-1].json["messages"][0]["content"].startswith(NASTY["history"])


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize("language", LANGUAGES)
def test_llama_is_asked_at_its_second_address(wire, nvidia, status, language, tmp_path):
    wire.script.append(say.status(status, {"detail": "Function 'x': Not found for account"}))
    done = run(code(nvidia, LLAMA, question()), language, tmp_path, NVIDIA_API_KEY=KEY)
    words = heard(language, True, done.stdout, None)
    assert done.returncode == 0 and words.startswith(
        "You said “What is in this image?”. The picture is a JPEG"
    )
    first, second = wire.asked("chat")
    assert (first.path, second.path) == (
        f"/v1/gr/{LLAMA.id}/chat/completions",
        "/v1/chat/completions",
    )
    assert first.json == second.json and second.token == KEY


@pytest.mark.parametrize(
    "model, status",
    [(LLAMA, 401), (LLAMA, 429), (LLAMA, 500), (KOSMOS, 404), (KOSMOS, 410), (FLORENCE, 422)],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refusal_is_shown_and_asked_once(wire, nvidia, model, status, language, tmp_path):
    wire.script.append(say.status(status, {"detail": "the reason for it"}))
    done = run(code(nvidia, model, question("<OD>")), language, tmp_path, NVIDIA_API_KEY=KEY)
    assert (
        done.returncode
        and "the reason for it" in done.stdout + done.stderr
        and str(status) in done.stderr
    )
    assert len(wire.asked("chat")) == 1 and not wire.assets and KEY not in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("model", [KOSMOS, PHI, FLORENCE], ids=lambda model: model.id)
def test_a_job_is_asked_for_until_it_is_done(wire, nvidia, model, tmp_path):
    wire.script.extend([say.pending(1)] * 3)
    words = "<CAPTION>" if model.tasks else "Hi"
    same(
        wire,
        nvidia,
        model,
        question(words, (small("red"),)),
        tmp_path,
        find_task(words) if model.tasks else None,
    )
    assert len(wire.asked("status")) == 6 and all(
        seen.token == KEY for seen in wire.asked("status")
    )


@pytest.mark.parametrize("broken", ["announce", "upload", "chat", "result"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_assets_are_deleted_whatever_fails(wire, nvidia, broken, language, tmp_path):
    (wire.script if broken == "chat" else wire.scripts[broken]).append(say.status(500, "no"))
    done = run(code(nvidia, FLORENCE, question("<OD>")), language, tmp_path, NVIDIA_API_KEY=KEY)
    assert done.returncode and not wire.assets and bool(wire.deleted) == (broken != "announce")


def test_an_error_inside_a_stream_ends_the_program(wire, nvidia, tmp_path):
    wire.script.append(say.sse(["some words"], error={"message": "out of memory", "code": 500}))
    done = run(code(nvidia, LLAMA, question()), "python", tmp_path, NVIDIA_API_KEY=KEY)
    assert done.returncode and done.stdout == "some words" and "out of memory" in done.stderr


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_key_nothing_is_asked(wire, nvidia, language, tmp_path):
    done = run(code(nvidia, LLAMA, question()), language, tmp_path)
    assert done.returncode and "NVIDIA_API_KEY" in done.stderr and not wire.seen


def test_without_a_base_url_the_addresses_are_nvidias():
    for model in CATALOGUE:
        made = code(NVIDIA(KEY), model, question("<OD>" if model.tasks else "Hi", (small("red"),)))
        assert all(
            address in text
            for address in filter(None, (model.url, model.fallback))
            for text in (made.python, made.shell)
        )
        assert ("https://api.nvcf.nvidia.com/v2/nvcf/assets" in made.python) == model.asset
        assert (
            parse(made.python)
            and subprocess.run(["bash", "-n"], input=made.shell, text=True).returncode == 0
        )


# --- an OpenAI wire, and secrets in addresses ---------------------------------------------------------------------------


@pytest.fixture
def listed():
    openai.clear_cache()


@pytest.mark.parametrize("key", [SERVER_KEY, ""])
def test_a_server_with_the_openai_wire(wire, listed, key, tmp_path):
    wire.keys = (key,)
    engine = OpenAI(f"{wire.url}/v1/", key, QUICK)
    engine.models()  # the list is asked for once, before
    wire.seen.clear()
    made = same(
        wire, engine, PHI, question("“Deck”", (SIGN, SLIDE), Sampling(99, 0.0, 1.0)), tmp_path
    )
    assert ("VLM_API_KEY" in made.python) == ("VLM_API_KEY" in made.shell) == bool(
        key
    ) and "NVIDIA" not in made.shell


def test_the_name_is_the_servers_own(wire, listed, tmp_path):
    wire.scripts["models"].append(
        say.json_body({"data": [{"id": "Microsoft/PHI-3.5-vision-instruct:latest"}]})
    )
    made = code(OpenAI(f"{wire.url}/v1", "", QUICK), PHI, question())
    assert all(
        '"Microsoft/PHI-3.5-vision-instruct:latest"' in text for text in (made.python, made.shell)
    )


@pytest.mark.parametrize("user", ["canary:x", "canary", "x:y-canary@x", "%40:canary%2F"])
def test_the_user_of_an_address_is_not_told(wire, listed, user, tmp_path):
    host = wire.url.removeprefix("http://")
    for engine, model in ((NVIDIA(KEY, f"http://{user}@{host}/?k=canary", QUICK), FLORENCE),
                          (OpenAI(f"http://{user}@{host}/v1", SERVER_KEY, QUICK), PHI)):  # fmt: skip
        made = code(engine, model, question("<OD>", (small("red"),)))
        assert "canary" not in repr(made) and "@" not in made.python + made.shell.replace(
            "@-", ""
        ).replace('"$@"', "")
        for language in LANGUAGES:
            well(run(made, language, tmp_path, NVIDIA_API_KEY=KEY, VLM_API_KEY=SERVER_KEY))
        assert wire.asked("chat")[-1].token == (KEY if isinstance(engine, NVIDIA) else SERVER_KEY)


@pytest.mark.parametrize(
    "base",
    ["http://[::1]:8000/v1", "http://x/'; id; '", 'http://x/"$(id)`id`/v1', "http://x/a b\\"],
)
def test_an_address_is_quoted(base, listed):
    made = code(
        OpenAI(base, "", RequestPolicy(connect_timeout=0.01, max_attempts=1)), PHI, question()
    )
    assert any(
        node.value == f"{base}/chat/completions"
        for node in ast.walk(parse(made.python))
        if isinstance(node, ast.Constant)
    )
    show = "curl() { printf '%s\\n' \"$@\"; cat > /dev/null; }\n"
    (
        args := subprocess.run(
            ["bash"],
            input=(show + made.shell).replace("base64 <", ": <"),
            capture_output=True,
            text=True,
        ).stdout
    )
    assert f"{base}/chat/completions\n" in args and "uid=" not in args


@pytest.mark.parametrize(
    "engine", [Embedded(), OpenAI("http://127.0.0.1:9/v1", "", QUICK)], ids=["embedded", "openai"]
)
def test_no_picture_is_a_sentence(engine):
    with pytest.raises(BadPrompt, match="picture"):
        code(engine, LLAMA, question("Hi", ()))


# --- in this process --------------------------------------------------------------------------------------------------


def task_prompt(token, words="", region=None, picture=SIGN):
    task = find_task(token)
    return question(write_task(task, words, region), (picture,)), task


@pytest.mark.slow
@pytest.mark.parametrize("token, words, region", [
    ("<OCR_WITH_REGION>", "", None), ("<OPEN_VOCABULARY_DETECTION>", "Eagle Point", None),
    ("<REGION_TO_SEGMENTATION>", "", (0.12, 0.04, 0.81, 0.97)),
])  # fmt: skip
def test_this_machines_tasks(token, words, region, tmp_path):
    prompt, task = task_prompt(token, words, region)
    *_, answer = ask(Embedded(), FLORENCE, prompt, task)
    made = code(Embedded(), FLORENCE, prompt, task)
    assert made.files == (("picture.jpg", SIGN),)
    regions = [f"{each.label} {each.outline}" for each in answer.regions]
    assert well(run(made, "python", tmp_path)).splitlines() == [
        *(answer.text.splitlines() or [""]),
        *regions,
    ]
    told = json.loads(well(run(made, "shell", tmp_path)))
    assert (told["engine"], told["model"], told["task"], told["text"]) == (
        Embedded().name,
        FLORENCE.id,
        token,
        answer.text,
    )
    assert [each["outline"] for each in told["regions"]] == [
        [[round(x, 5), round(y, 5)] for x, y in r.outline] for r in answer.regions
    ]  # as the API documents it, which the terminal prints too


@pytest.mark.slow
def test_this_machines_chat(tmp_path):
    turns = Turn("user", "Old", (SIGN,)), Turn("assistant", "…"), Turn("user", "What does it say?")
    *_, answer = ask(Embedded(), LLAMA, Prompt(turns))
    made = code(Embedded(), LLAMA, Prompt(turns))
    assert answer.text in well(run(made, "python", tmp_path))
    done = run(made, "shell", tmp_path)
    assert (
        done.returncode == 0
        and done.stdout == answer.text + "\n"
        and done.stderr == answer.note + "\n"
    )
    assert "Left out: the conversation" in made.shell and "Old" not in made.shell


@pytest.mark.slow
def test_open_weights_here(tmp_path):
    pytest.importorskip("torch", reason="torch is not installed: see requirements-local.txt")
    pytest.importorskip(
        "transformers", reason="transformers is not installed: see requirements-local.txt"
    )
    from tests.support import checkpoints as tiny

    tiny.build(tmp_path / "weights", {FLORENCE.id: tiny.florence2})
    engine = Local(tmp_path / "weights")
    prompt, task = task_prompt("<OCR>", picture=small("red"))
    *_, answer = ask(engine, FLORENCE, prompt, task)
    made, env = code(engine, FLORENCE, prompt, task), {"VLM_WEIGHTS": str(tmp_path / "weights")}
    assert str(tmp_path) not in repr(made), "a folder of the server is nobody's business"
    python, shell = (run(made, language, tmp_path, **env) for language in LANGUAGES)
    assert (
        answer.text
        and answer.text in python.stdout
        and json.loads(shell.stdout)["text"] == answer.text
    )


def test_other_checkpoints_are_named():
    made = code(
        Local(None, {FLORENCE.id: "florence-community/Florence-2-large"}),
        FLORENCE,
        *task_prompt("<OD>"),
    )
    assert f'"VLM_CHECKPOINTS": "{FLORENCE.id}=florence-community/Florence-2-large"' in made.python
    assert (
        f"VLM_CHECKPOINTS={FLORENCE.id}=florence-community/Florence-2-large python -m" in made.shell
    )


def arguments(script: str) -> list[str]:
    """What bash hands to the command."""
    shown = "python() { printf '%s\\0' \"$@\"; }\n" + script
    done = subprocess.run(
        ["bash"], input=shown.encode(), capture_output=True, env={"LC_ALL": "C.UTF-8"}
    )
    assert done.returncode == 0 and not done.stderr
    return done.stdout.decode().split("\0")[2:-1]


def prompt_of(program: str, folder: Path, files) -> Prompt:
    """The prompt that the program builds, without asking it."""
    for name, picture in files:
        (folder / name).write_bytes(picture.data)
    names: dict = {}
    before, _, _ = program.partition("*_, answer")
    exec(before.replace('read("', f'read("{folder}/'), names)
    return names["prompt"]


@pytest.mark.parametrize("name", NASTY)
def test_nasty_words_reach_the_command(name, tmp_path):
    text = NASTY[name]
    sayable = re.sub("[\0\ud800-\udfff]", "", text)
    for model, task, asked in (
        (LLAMA, None, text),
        (FLORENCE, find_task("<OPEN_VOCABULARY_DETECTION>"), None),
    ):
        if asked is None and not text.strip():
            continue
        prompt = question(
            text if asked is not None else write_task(task, text),
            (small("red"),),
            Sampling(9, 0.5, 0.25, 3) if not task else None,
        )
        made = code(Embedded(), model, prompt, task)
        given = _options().parse_args(arguments(made.shell))
        if task:
            assert write_task(find_task(given.task), given.words) == task.token + sayable.strip()
        else:
            assert (
                given.prompt == sayable
                and given.max_tokens == 9
                and given.temperature == 0.5
                and given.seed == 3
            )
        assert given.pictures == ["picture.png"] and given.engine == "embedded"
        assert ("Left out: characters" in made.shell) == (text != sayable)
        assert prompt_of(made.python, tmp_path, made.files) == prompt


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (0.5, 0.5, 0.503, 0.503), (0.1234567, 0.2, 1.0, 0.999), (0.31231, 0.168, 0.998, 0.846),
                                 *((i / 999, 0, (i + 7) / 999, 1) for i in range(0, 990, 45))])  # fmt: skip
def test_a_region_is_spelled_with_the_same_locations(box, tmp_path):
    prompt, task = task_prompt("<REGION_TO_CATEGORY>", region=box)
    made = code(Embedded(), FLORENCE, prompt, task)
    given = _options().parse_args(arguments(made.shell))
    assert write_task(task, "", given.region) == prompt.turns[0].text and given.prompt is None
    assert prompt_of(made.python, tmp_path, made.files) == prompt


@pytest.mark.parametrize("token, rest", [
    ("<REGION_TO_CATEGORY>", "<loc_5><loc_5><loc_5><loc_5>"), ("<REGION_TO_CATEGORY>", "<loc_900><loc_5><loc_5><loc_50>"),
    ("<REGION_TO_CATEGORY>", "a house"), ("<REGION_TO_CATEGORY>", ""), ("<OPEN_VOCABULARY_DETECTION>", " "), ("<OD>", "more"),
    ("<OPEN_VOCABULARY_DETECTION>", " blanks around "), ("<OCR>", "<loc_1><loc_2><loc_3><loc_4>"),
])  # fmt: skip
def test_a_text_that_no_task_would_write_stands_for_itself(token, rest, tmp_path):
    made = code(Embedded(), FLORENCE, question(token + rest), find_task(token))
    given = _options().parse_args(arguments(made.shell))
    assert (
        given.prompt == token + rest
        and given.task == token
        and not given.words
        and given.region is None
    )
    assert prompt_of(made.python, tmp_path, made.files) == question(token + rest)


def test_the_newest_picture_is_the_last_one_of_the_command(tmp_path):
    turns = (Turn("user", "One", (SIGN,)), Turn("assistant", "…"), Turn("user", "Two", (SLIDE,)), Turn("assistant", "…"),
             Turn("user", "The first again", (SIGN,)))  # fmt: skip
    made = code(Embedded(), PHI, Prompt(turns))
    assert _options().parse_args(arguments(made.shell)).pictures == [
        "picture-1.jpg",
        "picture-2.png",
        "picture-1.jpg",
    ]
    assert prompt_of(made.python, tmp_path, made.files) == Prompt(turns)


# --- the command --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given, words", [
    (["no/model", "sign.jpg"], "no model"), (["microsoft/florence-2", "sign.jpg"], "--task '<CAPTION>'"),
    (["microsoft/florence-2", "sign.jpg", "--task", "<FLY>"], "no task"), ([LLAMA.id, "nowhere.jpg"], "no file"),
    ([LLAMA.id, "."], "no file"), ([LLAMA.id, "CREDITS.md"], "not a picture"),
    (["microsoft/florence-2", "sign.jpg", "--task", "OPEN_VOCABULARY_DETECTION"], "needs words"),
    (["microsoft/florence-2", "sign.jpg", "--task", "<REGION_TO_CATEGORY>"], "needs a region"),
    (["microsoft/florence-2", "sign.jpg", "--task", "<REGION_TO_CATEGORY>", "--region", "0", "0", "2", "1"], "outside"),
    (["microsoft/florence-2", "sign.jpg", "--task", "<REGION_TO_CATEGORY>", "--region", "0", "0", "nan", "1"], "outside"),
    (["microsoft/florence-2", "sign.jpg", "--task", "<OD>", "--max-tokens", "9", "--top-p", "0.5"], "--max-tokens, --top-p"),
    (["microsoft/florence-2", "sign.jpg", "--task", "<CAPTION>"], "needs"), ([LLAMA.id, "sign.jpg", "--temperature", "9"], "temperature"),
    ([LLAMA.id, "sign.jpg", "--temperature", "nan"], "temperature"), ([LLAMA.id, "sign.jpg", "--max-tokens", "0"], "max_tokens"),
    ([LLAMA.id, "sign.jpg", "--engine", "nvidia"], "NVIDIA_API_KEY"), ([LLAMA.id, "sign.jpg", "--engine", "openai"], "VLM_BASE_URL"),
    (["google/deplot", "chart.png", "--task", "<OD>"], "leave it out for DePlot"),
])  # fmt: skip
def test_a_command_that_cannot_be_met_is_a_sentence(given, words, capsys, monkeypatch):
    monkeypatch.chdir(ASSETS)
    assert main([*given, *([] if "--engine" in given else ["--engine", "embedded"])]) == 1
    shown = capsys.readouterr()
    assert (
        words in shown.err
        and shown.err.count("\n") == 1
        and not shown.out.strip()
        and "Traceback" not in shown.err
    )


@pytest.mark.parametrize("given", [[], [LLAMA.id], [LLAMA.id, "x", "--engine", "magic"], [LLAMA.id, "x", "--region", "1"],
                                   [LLAMA.id, "x", "--max-tokens", "many"], [LLAMA.id, "x", "--nonsense"]])  # fmt: skip
def test_a_command_that_is_none_shows_how_it_goes(given, capsys):
    with pytest.raises(SystemExit) as ended:
        main(given)
    assert ended.value.code == 2 and "usage: python -m vlm_backends" in capsys.readouterr().err


def test_words_are_printed_while_the_server_holds_the_rest(wire):
    import threading

    gate = threading.Event()
    wire.script.append(say.sse(["first ", "second"], gate=gate))
    env = {**os.environ, "NVIDIA_API_KEY": KEY, "NVIDIA_BASE_URL": wire.url}
    command = [
        sys.executable,
        "-m",
        "vlm_backends",
        LLAMA.id,
        "assets/sign.jpg",
        "--prompt=Hi",
        "--max-tokens=5",
    ]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout.read(5) == "first" and not gate.is_set()
        gate.set()
        assert program.stdout.read() == " second\n"
    assert program.returncode == 0 and wire.seen[-1].json["max_tokens"] == 5


def test_words_that_came_before_an_error_stay(wire, capsys, monkeypatch):
    monkeypatch.setenv("NVIDIA_API_KEY", KEY)
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    wire.script.append(say.sse(["one ", "two ", "three"], cut_after=2))
    assert main([LLAMA.id, str(ASSETS / "sign.jpg")]) == 1
    shown = capsys.readouterr()
    assert shown.out == "one two" and "broke off" in shown.err and KEY not in shown.err


def test_a_table_that_a_task_reads_is_printed_below_its_words(tmp_path, capsys):
    rows = [["Line", "Length"], ["Coast", "128 km"], ["Valley", ""], ["Harbour", "9 km"]]
    table(rows, Look("all")).image.save(tmp_path / "table.png")
    given = [str(tmp_path / "table.png"), "--engine", "embedded"]
    assert main(["microsoft/florence-2", *given, "--task", "<OCR>"]) == 0
    words, printed = capsys.readouterr().out.split("\n\n")
    assert "Coast" in words and printed.splitlines() == [
        "| Line | Length |",
        "| --- | --- |",
        "| Coast | 128 km |",
        "| Valley |  |",
        "| Harbour | 9 km |",
    ]
    assert main(["google/deplot", *given]) == 0
    assert capsys.readouterr().out.count("---") == 2, "the table is printed twice"


@pytest.mark.parametrize("json", [[], ["--json"]])
def test_a_reader_that_closes_the_pipe_ends_it_without_a_traceback(json):
    command = f"{sys.executable} -m vlm_backends microsoft/florence-2 assets/page.png --task '<OCR>' --engine embedded {' '.join(json)}"
    run = subprocess.run(
        ["bash", "-c", f"{command} | head -1; exit ${{PIPESTATUS[0]}}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode in (0, 141) and run.stdout.count("\n") == 1
    assert "Traceback" not in run.stderr and "Broken" not in run.stderr


def test_a_pipe_that_is_closed_before_the_first_word():
    read, write = os.pipe()
    os.close(read)
    run = subprocess.run(
        [sys.executable, "-m", "vlm_backends", "microsoft/florence-2", "assets/sign.jpg",
         "--task", "<OCR>", "--engine", "embedded"],
        cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True, timeout=120,
    )  # fmt: skip
    os.close(write)
    assert run.returncode == 141 and "Traceback" not in run.stderr and "Broken" not in run.stderr
