"""Our own server beside OpenAI's clients: what they send is taken or refused by its name, and how a reply ended goes through."""

import base64
import io
import json

import pytest
import requests
from PIL import Image

from tests.support.questions import LLAMA, QUICK
from tests.support.servers import ScriptedEngine, serving
from tests.support.sloppy_streams import delta, stream
from tests.support.wire import replies as say
from vlm_backends import NVIDIA, Chunk, OpenAI, Prompt, Turn, VLMError, ask, read

_dot = io.BytesIO()
Image.new("RGB", (32, 32), "navy").save(_dot, "PNG")
DATA = _dot.getvalue() + b"\0" * ((1 - len(_dot.getvalue())) % 3)  # so that its base64 ends in ==
DOT, ENCODED, HEAD = (
    read(_dot.getvalue()),
    base64.b64encode(DATA).decode(),
    "data:image/png;base64,",
)
QUESTION = Prompt((Turn("user", "What?", (DOT,)),), LLAMA.sampling)


@pytest.fixture(scope="module")
def engine():
    return ScriptedEngine(Chunk("yes"))


@pytest.fixture(scope="module")
def server(engine):
    with serving(engine) as url:
        yield url


def body(url=HEAD + ENCODED, **more):
    content = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": url}}]
    return {"model": LLAMA.id, "messages": [{"role": "user", "content": content}], **more}


def turns(*messages):
    return body(messages=[*messages, *body()["messages"]])


def post(url, asked):
    return requests.post(f"{url}/chat/completions", json=asked, timeout=60)


def wrapped(separator):
    return separator.join(ENCODED[i : i + 76] for i in range(0, len(ENCODED), 76))


URL_SAFE = base64.urlsafe_b64encode(DATA).decode()
TAKEN = {
    **{f"wrapped by {separator!r}": body(HEAD + wrapped(separator)) for separator in ("\n", "\r\n", " ", "\t")},
    "no padding": body(HEAD + ENCODED.rstrip("=")), "half of the padding": body(HEAD + ENCODED[:-1]), "URL-safe": body(HEAD + URL_SAFE),
    "URL-safe without padding": body(HEAD + URL_SAFE.rstrip("=")), "escaped": body(HEAD + ENCODED.replace("=", "%3D").replace("+", "%2B").replace("/", "%2F")),
    "DATA:": body("DATA:IMAGE/PNG;BASE64," + ENCODED), "a charset": body("data:image/png;charset=utf-8;base64," + ENCODED),
    "a parameter after": body("data:image/png;base64;name=a.png," + ENCODED), "no kind": body("data:;base64," + ENCODED), "blanks around": body(f" {HEAD}{ENCODED}\n"),
    "a blank after the comma": body("data:image/png;base64, " + ENCODED), "another kind's name": body("data:image/jpg;base64," + ENCODED),
    "n: null": body(n=None), "n: 1": body(n=1), "response_format: text": body(response_format={"type": "text"}), "response_format: null": body(response_format=None),
    "no tools": body(tools=[], tool_choice="none", parallel_tool_calls=True), "tools: null": body(tools=None, tool_choice=None, functions=None, function_call="none"),
    "tool_choice: auto": body(tools=[], tool_choice="auto"), "stop: null": body(stop=None), "no stop": body(stop=[]), "no logprobs": body(logprobs=False, top_logprobs=None),
    "who asks": body(user="u-1", metadata={"a": "b"}, store=False, service_tier="auto", safety_identifier="x", prompt_cache_key="y"),
    "no penalties": body(frequency_penalty=0, presence_penalty=0.0, logit_bias={}, top_k=-1, repetition_penalty=1.0, min_p=0),
    "stream_options": body(stream=True, stream_options={"include_usage": True}), "stream_options: null": body(stream_options=None), "stream: null": body(stream=None),
    "modalities": body(modalities=["text"], audio=None, prediction=None), "a seed": body(seed=7), "seed: null": body(seed=None), "null for all": body(temperature=None, top_p=None, max_tokens=None),
    "the newer limit": body(max_completion_tokens=9), "both limits": body(max_completion_tokens=None, max_tokens=9), "an older kind of field": body(echo=False, best_of=1, suffix=None),
    "an answer without words": turns({"role": "user", "content": "A"}, {"role": "assistant", "content": None}),
    "one without content": turns({"role": "user", "content": "A"}, {"role": "assistant"}), "one that declined": turns({"role": "user", "content": "A"}, {"role": "assistant", "content": None, "refusal": "No."}),
    "one in parts": turns({"role": "user", "content": [{"type": "text", "text": "A"}]}, {"role": "assistant", "content": [{"type": "text", "text": "B"}]}),
    "one as a client keeps it": turns({"role": "user", "content": "A", "name": "me"}, {"role": "assistant", "content": "B", "refusal": None, "annotations": [], "audio": None, "tool_calls": None, "function_call": None}),
    "a refusal as a part": turns({"role": "user", "content": "A"}, {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}),
    "a developer's message": turns({"role": "developer", "content": "Be brief."}), "a system message in parts": turns({"role": "system", "content": [{"type": "text", "text": "Be brief."}]}),
    "how fine it is": {**body(), "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": HEAD + ENCODED, "detail": "high"}}]}]},
}  # fmt: skip


@pytest.mark.parametrize("asked", TAKEN.values(), ids=TAKEN)
def test_what_clients_send_is_taken(server, asked):
    reply = post(server, asked)
    assert reply.status_code == 200 and "yes" in reply.text, reply.text


TOOL = {"type": "function", "function": {"name": "look", "parameters": {}}}
PART = {"type": "image_url", "image_url": {"url": HEAD + ENCODED}}
REFUSED = {  # a request, and a word of the sentence: the name of what cannot be honoured
    "tools": (body(tools=[TOOL]), "tools"), "a tool that must be called": (body(tool_choice="required"), "tool_choice"), "a certain tool": (body(tool_choice=TOOL), "tool_choice"),
    "functions": (body(functions=[{"name": "x"}]), "functions"), "a certain function": (body(function_call={"name": "x"}), "function_call"),
    "JSON": (body(response_format={"type": "json_object"}), "response_format"), "a schema": (body(response_format={"type": "json_schema", "json_schema": {"name": "x"}}), "response_format"),
    "a format's name": (body(response_format="json"), "response_format"), "a stop": (body(stop="\n"), "stop"), "stops": (body(stop=["\n", "x"]), "stop"),
    "logprobs": (body(logprobs=True), "logprobs"), "top_logprobs": (body(top_logprobs=5), "top_logprobs"), "a bias": (body(logit_bias={"50256": -100}), "logit_bias"),
    "frequency_penalty": (body(frequency_penalty=0.5), "frequency_penalty"), "presence_penalty": (body(presence_penalty=-1), "presence_penalty"),
    "repetition_penalty": (body(repetition_penalty=1.2), "repetition_penalty"), "top_k": (body(top_k=40), "top_k"), "min_p": (body(min_p=0.1), "min_p"),
    "sound": (body(modalities=["text", "audio"]), "modalities"), "a voice": (body(audio={"voice": "alloy"}), "audio"), "a prediction": (body(prediction={"type": "content"}), "prediction"),
    "to be stored": (body(store=True), "store"), "reasoning_effort": (body(reasoning_effort="high"), "reasoning_effort"), "verbosity": (body(verbosity="low"), "verbosity"),
    "a search": (body(web_search_options={"a": 1}), "web_search_options"), "a grammar": (body(guided_json={"type": "object"}), "guided_json"), "a template": (body(chat_template_kwargs={"a": 1}), "chat_template_kwargs"),
    "a slip of the pen": (body(temprature=0.2), "temprature"), "two answers": (body(n=2), "n out"), "no answer": (body(n=0), "n out"), "n as text": (body(n="1"), "n out"), "n: true": (body(n=True), "n out"),
    "stream as text": (body(stream="true"), "stream must"), "stream as a number": (body(stream=1), "stream must"), "options as a list": (body(stream_options=[1]), "stream_options"),
    "raw as text": (body(skip_special_tokens="no"), "skip_special_tokens"), "the newer limit as text": (body(max_completion_tokens="9"), "max_completion_tokens must be a number"),
    "half a token": (body(max_completion_tokens=1.5, max_tokens=9), "max_completion_tokens must be a whole"), "too many tokens": (body(max_completion_tokens=10**6), "max_tokens must be from"),
    "calls": (turns({"role": "user", "content": "A"}, {"role": "assistant", "content": None, "tool_calls": [TOOL]}), "tool_calls"),
    "a call": (turns({"role": "user", "content": "A"}, {"role": "assistant", "content": None, "function_call": {"name": "x"}}), "function_call"),
    "a tool's words": (turns({"role": "user", "content": "A"}, {"role": "tool", "content": "B", "tool_call_id": "1"}), "role"),
    "a user without words": (body(messages=[{"role": "user", "content": None}]), "content"), "a system without words": (turns({"role": "system", "content": None}), "content"),
    "a system's picture": (turns({"role": "system", "content": [PART]}), "holds text only"), "words that are none": (turns({"role": "assistant", "content": 7}), "content"),
    "a picture of the newer API": (turns({"role": "user", "content": [{"type": "input_image", "image_url": HEAD}]}), "image_url"), "a file": (turns({"role": "user", "content": [{"type": "file", "file": {}}]}), "image_url"),
    "a part without words": (turns({"role": "user", "content": [{"type": "text", "text": None}]}), "text"), "no url": (body(None), "url"), "an empty url": (body(""), "holds a url"),
    "base64 without a head": (body(ENCODED), "data:image"), "no base64": (body("data:image/png," + ENCODED), "base64"), "no data": (body("data:image/png;base64"), "not a picture"),
    "half a picture": (body(HEAD + ENCODED[: len(ENCODED) // 2]), "picture"), "two in one": (body(HEAD + ENCODED + ENCODED), "base64"), "letters of no base64": (body(HEAD + ENCODED[:40] + "é" + ENCODED[40:]), "base64"),
    "a character too many": (body(HEAD + "AAAAA"), "base64"), "stars": (body(HEAD + "****"), "base64"), "half an escape": (body(HEAD + "AA%ZZ"), "base64"),
}  # fmt: skip


@pytest.mark.parametrize("asked, said", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_honoured_is_refused_by_its_name(server, engine, asked, said):
    before = len(engine.prompts)
    reply = post(server, asked)
    assert reply.status_code == 400 and len(engine.prompts) == before, reply.text
    message = reply.json()["error"]["message"]
    assert any(word in message for word in said.split("|")) and message.endswith((".", "…")), (
        message
    )


def test_what_was_sent_reaches_the_model(server, engine):
    asked = turns(
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "A"},
        {"role": "assistant", "content": None, "refusal": "No."},
    )
    assert post(server, asked | {"max_completion_tokens": 9, "max_tokens": 7, "seed": 3}).ok
    prompt = engine.prompts[-1]
    assert [turn.text for turn in prompt.turns] == ["Be brief.\n\nA", "No.", "What?"]
    assert (prompt.sampling.max_tokens, prompt.sampling.seed) == (9, 3)
    assert (
        post(server, body(max_completion_tokens=None, max_tokens=7)).ok
        and engine.prompts[-1].sampling.max_tokens == 7
    )


# how a reply ended


def finished(url, streamed):
    """Return content, thought, refusal, finish_reason and note as an OpenAI client reads them."""
    reply = post(url, body(stream=streamed))
    if not streamed:
        payload = reply.json()
        choice = payload["choices"][0]
        message = choice["message"]
        return (
            message["content"],
            message.get("reasoning_content", ""),
            message.get("refusal", ""),
            choice["finish_reason"],
            payload.get("vlm", {}).get("note", ""),
        )
    lines = [line for line in reply.text.split("\n") if line.startswith("data: {")]
    choices = [
        (payload, payload["choices"][0]) for payload in (json.loads(line[6:]) for line in lines)
    ]
    said = (
        "".join(choice["delta"].get(name, "") for _, choice in choices)
        for name in ("content", "reasoning_content", "refusal")
    )
    notes = [payload["vlm"]["note"] for payload, _ in choices if payload.get("vlm", {}).get("note")]
    assert all(choice["finish_reason"] is None for _, choice in choices[:-1])
    return *said, choices[-1][1]["finish_reason"], (notes or [""])[-1]


ENDED = {  # chunks of an engine; content, thought, refusal, finish_reason; what the note says
    "as usual": ((Chunk("yes"),), ("yes", "", "", "stop"), ""), "at its limit": ((Chunk("the pict"), Chunk(finish="length")), ("the pict", "", "", "length"), "cut off"),
    "filtered": ((Chunk("the"), Chunk(finish="content_filter")), ("the", "", "", "content_filter"), "content filter"), "a tool": ((Chunk(finish="tool_calls"),), ("", "", "", "tool_calls"), "tool"),
    "for another reason": ((Chunk("a"), Chunk(finish="abort")), ("a", "", "", "abort"), "“abort”"), "thought apart": ((Chunk(thought="hm"), Chunk("yes")), ("yes", "hm", "", "stop"), ""),
    "thought within": ((Chunk("<think>h"), Chunk("m</think>y"), Chunk("es")), ("yes", "hm", "", "stop"), ""), "only thought": ((Chunk(thought="hm"),), ("", "hm", "", "stop"), "only thought"),
    "thought to the limit": ((Chunk("<think>hm"), Chunk(finish="length")), ("", "hm", "", "length"), "before it said anything"), "silent": ((), ("", "", "", "stop"), "without a word"),
    "harmony": ((Chunk("<|channel|>analysis<|message|>hm<|end|>"), Chunk("<|start|>assistant<|channel|>final<|message|>yes")), ("yes", "hm", "", "stop"), ""),
    "print at the end": ((Chunk("5 "), Chunk("<")), ("5 <", "", "", "stop"), ""), "a mark at the end": ((Chunk("a sign"), Chunk("<end_of"), Chunk("_turn>")), ("a sign", "", "", "stop"), ""),
}  # fmt: skip


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("chunks, expected, said", ENDED.values(), ids=ENDED)
def test_the_end_of_a_reply_is_passed_on(chunks, expected, said, streamed):
    with serving(ScriptedEngine(*chunks)) as url:
        *found, note = finished(url, streamed)
        assert (tuple(found), bool(note)) == (expected, bool(said)) and said in note
        *_, here = ask(ScriptedEngine(*chunks), LLAMA, QUESTION) if chunks else [None]
        *_, there = ask(OpenAI(url, "", QUICK), LLAMA, QUESTION)
    assert said in there.note and there.note.count(said or "\0") <= 1
    if here:
        assert (there.text, there.thought, there.finish) == (here.text, here.thought, here.finish)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("chunks, content, refusal", [
    ((Chunk("I cannot", finish="refusal"), Chunk(" help.", finish="refusal")), None, "I cannot help."), ((Chunk("Well. "), Chunk("No.", finish="refusal")), "Well. ", "No."),
])  # fmt: skip
def test_a_refusal_is_passed_on_as_one(chunks, content, refusal, streamed):
    with serving(ScriptedEngine(*chunks)) as url:
        found = finished(url, streamed)
        *_, there = ask(OpenAI(url, "", QUICK), LLAMA, QUESTION)
    words = [(part or "").strip() for part in found[:4]]
    assert words == [(content or "").strip(), "", refusal, "stop"] and "declined" in found[4]
    assert (
        there.finish == "refusal"
        and there.text == (content or "") + refusal
        and there.note.count("declined") == 1
    )


@pytest.mark.parametrize(
    "words, thought, text",
    [("It asks", "It asks for STOP.", "STOP"), ("a b c d", "a b c d e", "yes, it is")],
)
def test_words_that_became_a_thought_are_ended_with_its_mark(words, thought, text):
    """What was streamed cannot be taken back: the mark tells clients, as it does from the model itself."""
    rest = thought.removeprefix(words)
    chunks = Chunk(words), Chunk(rest), Chunk("\n</think>\n\n"), Chunk(text)
    with serving(ScriptedEngine(*chunks)) as url:
        content, apart, _, reason, _ = finished(url, True)
        assert (content, apart, reason) == (f"{thought}\n</think>\n\n{text}", "", "stop")
        assert finished(url, False)[:2] == (text, thought)
        *_, there = ask(OpenAI(url, "", QUICK), LLAMA, QUESTION)
    assert (there.text, there.thought) == (text, thought)


def test_an_upstreams_ending_goes_all_the_way(wire):
    wire.script += [
        say.status(
            200,
            stream(delta(reasoning_content="hm"), delta("the pict"), delta("", "MAX_TOKENS")),
            "text/event-stream",
        )
    ] * 2
    with serving(NVIDIA("nvapi-canary-0123456789", wire.url, QUICK)) as url:
        assert finished(url, True)[:4] == ("the pict", "hm", "", "length")
        *_, there = ask(OpenAI(url, "", QUICK), LLAMA, QUESTION)
    assert (there.text, there.thought, there.finish) == (
        "the pict",
        "hm",
        "length",
    ) and there.note.count("cut off") == 1


def test_an_upstreams_error_after_words_goes_all_the_way(wire):
    wire.script.append(
        say.status(
            200,
            stream(
                delta("the pict"), {"title": "Gone wild", "status": 500, "detail": "worker lost"}
            ),
            "text/event-stream",
        )
    )
    with serving(NVIDIA("nvapi-canary-0123456789", wire.url, QUICK)) as url:
        heard = []
        with pytest.raises(VLMError, match="worker lost"):
            for answer in ask(OpenAI(url, "", QUICK), LLAMA, QUESTION):
                heard.append(answer.text)
    assert heard[-1] == "the pict"


@pytest.mark.parametrize("streamed", [False, True])
def test_a_models_own_words_carry_their_thought_once(streamed):
    with serving(ScriptedEngine(Chunk("<think>hm"), Chunk("</think>yes"), Chunk("</s>"))) as url:
        reply = post(url, body(stream=streamed, skip_special_tokens=False))
    assert "reasoning_content" not in reply.text
    assert reply.text.count("hm") == 1 and reply.text.count("</s>") == 1
