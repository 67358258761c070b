"""What servers with the OpenAI wire say when they cannot answer: their own bodies, each one sentence with a next step."""

import json

import pytest

from tests.support.questions import PHI, QUICK
from tests.support.questions import deck_question as question
from tests.support.wire import replies as say
from vlm_backends import Gone, OpenAI, Refused, Unreachable, VLMError, ask
from vlm_backends.engines import openai

KEY = "server-canary-0123456789"

LONG, CROWD, BLIND, ABSENT = (
    "longer than the model",
    "fewer pictures at once",
    "takes no pictures",
    "does not serve",
)
RAW = json.dumps(
    {"error": {"message": "This model's maximum context length is 8192 tokens.", "code": 400}}
)

BODIES = [  # who says it, its status, its body, what becomes of it
    ("vLLM", 400, {"object": "error", "message": "This model's maximum context length is 4096 tokens. However, you requested 4600 tokens (4088 in the messages, 512 in the completion). Please reduce the length of the messages or completion.", "type": "BadRequestError", "param": None, "code": 400}, LONG),
    ("vLLM", 400, {"error": {"message": "The decoder prompt (length 5123) is longer than the maximum model length of 4096. Make sure that `max_model_len` is no smaller than the number of text tokens plus multimodal tokens.", "type": "BadRequestError", "param": None, "code": 400}}, LONG),
    ("vLLM", 400, {"object": "error", "message": "At most 1 image(s) may be provided in one request.", "type": "BadRequestError", "param": None, "code": 400}, CROWD),
    ("vLLM", 400, {"error": {"message": "At most 0 image(s) may be provided in one prompt.", "type": "BadRequestError", "param": None, "code": 400}}, BLIND),
    ("vLLM", 400, {"object": "error", "message": "words/only is not a multimodal model", "type": "BadRequestError", "param": None, "code": 400}, BLIND),
    ("vLLM", 404, {"object": "error", "message": "The model `a` does not exist.", "type": "NotFoundError", "param": None, "code": 404}, ABSENT),
    ("vLLM", 401, {"error": "Unauthorized"}, "does not accept this key"),
    ("vLLM", 500, {"object": "error", "message": "EngineCore encountered an issue. See stack trace (above) for the root cause.", "type": "InternalServerError", "param": None, "code": 500}, "EngineCore"),
    ("llama.cpp", 400, {"error": {"code": 400, "message": "request (823 tokens) exceeds the available context size (512 tokens), try increasing it", "type": "exceed_context_size_error", "n_prompt_tokens": 823, "n_ctx": 512}}, LONG),
    ("llama.cpp", 500, {"error": {"code": 500, "message": "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj", "type": "server_error"}}, BLIND),
    ("llama.cpp", 401, {"error": {"code": 401, "message": "Invalid API Key", "type": "authentication_error"}}, "does not accept this key"),
    ("llama.cpp", 503, {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}, "Loading model"),
    ("llama-cpp-python", 500, {"error": {"message": "Requested tokens (2285) exceed context window of 2048", "type": "internal_server_error", "param": None, "code": None}}, LONG),
    ("Ollama", 404, {"error": {"message": 'model "a" not found, try pulling it first', "type": "api_error", "param": None, "code": None}}, ABSENT),
    ("Ollama", 500, {"error": {"message": "Failed to create new sequence: failed to process inputs: this model is missing data required for image input", "type": "api_error", "param": None, "code": None}}, BLIND),
    ("Ollama", 400, {"error": {"message": "invalid image input", "type": "invalid_request_error", "param": None, "code": None}}, "invalid image input"),
    ("LM Studio", 400, {"error": "Model does not support images. Please use a model that does."}, BLIND),
    ("LM Studio", 400, {"error": "'url' field must be a base64 encoded image."}, "base64 encoded"),
    ("LM Studio", 400, {"error": "Trying to keep the first 4133 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough."}, LONG),
    ("OpenRouter", 404, {"error": {"message": "No endpoints found that support image input", "code": 404}}, BLIND),
    ("OpenRouter", 404, {"error": {"message": "No endpoints found for a/b.", "code": 404}}, ABSENT),
    ("OpenRouter", 400, {"error": {"message": "a/b is not a valid model ID", "code": 400}, "user_id": "user_1"}, ABSENT),
    ("OpenRouter", 402, {"error": {"message": "This request requires more credits, or fewer max_tokens. You requested up to 512 tokens, but can only afford 100.", "code": 402}}, "credits"),
    ("OpenRouter", 400, {"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": RAW, "provider_name": "X"}}}, LONG),
    ("OpenRouter", 502, {"error": {"message": "Provider returned error", "code": 502, "metadata": {"raw": {"detail": "no GPU left"}, "provider_name": "X"}}}, "no GPU left"),
    ("OpenRouter", 403, {"error": {"message": "Input was flagged", "code": 403, "metadata": {"reasons": ["violence"], "flagged_input": "x"}}}, "Input was flagged"),
    ("LiteLLM", 400, {"error": {"message": "litellm.ContextWindowExceededError: AnthropicError - prompt is too long: 209303 tokens > 200000 maximum", "type": None, "param": None, "code": "400"}}, LONG),
    ("LiteLLM", 400, {"error": {"message": "{'error': '/chat/completions: Invalid model name passed in model=a. Call `/v1/models` to view available models for your key.'}", "type": "None", "param": "None", "code": "400"}}, ABSENT),
    ("LiteLLM", 400, {"error": {"message": {"error": "/chat/completions: Invalid model name passed in model=a."}, "type": "None", "param": "None", "code": "400"}}, ABSENT),
    ("LiteLLM", 401, {"error": {"message": "Authentication Error, Invalid proxy server token passed.", "type": "auth_error", "param": "None", "code": "401"}}, "does not accept this key"),
    ("TGI", 422, {"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 1512. Given: 1000 `inputs` tokens and 1024 `max_new_tokens`", "error_type": "validation"}, LONG),
    ("TGI", 422, {"error": "Input validation error: `inputs` must have less than 1024 tokens. Given: 1872", "error_type": "validation"}, LONG),
    ("TGI", 429, {"error": "Model is overloaded", "error_type": "overloaded"}, "too many requests"),
    ("SGLang", 400, {"object": "error", "message": "The input (61709 tokens) is longer than the model's context length (40960 tokens).", "type": "BadRequestError", "param": None, "code": 400}, LONG),
    ("Azure", 404, {"error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again."}}, ABSENT),
    ("Azure", 401, {"error": {"code": "401", "message": "Access denied due to invalid subscription key or wrong API endpoint."}}, "does not accept this key"),
    ("Azure", 400, {"error": {"message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.", "type": None, "param": "prompt", "code": "content_filter", "status": 400, "innererror": {"code": "ResponsibleAIPolicyViolation"}}}, "content management policy"),
    ("Azure", 429, {"error": {"code": "429", "message": "Requests have exceeded token rate limit of your current pricing tier. Please retry after 20 seconds."}}, "too many requests"),
    ("OpenAI", 400, {"error": {"message": "This model's maximum context length is 4097 tokens. However, your messages resulted in 4294 tokens.", "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"}}, LONG),
    ("OpenAI", 400, {"error": {"message": "Invalid content type. image_url is only supported by certain models.", "type": "invalid_request_error", "param": "messages.[0].content.[1].type", "code": None}}, BLIND),
    ("DeepSeek", 400, {"error": {"message": "Failed to deserialize the JSON body into the target type: messages[0]: unknown variant `image_url`, expected `text`", "type": "invalid_request_error", "param": None, "code": "invalid_request_error"}}, BLIND),
    ("Mistral", 422, {"detail": [{"type": "missing", "loc": ["body", "messages"], "msg": "Field required", "input": {}}]}, "messages: Field required"),
    ("transformers", 400, {"detail": "Server is pinned to 'a'; requested 'b'."}, "pinned"),
    ("transformers", 500, "Internal Server Error", "failed at"),
    ("a proxy", 413, "<html><h1>413 Request Entity Too Large</h1></html>", "too large"),
    ("a proxy", 502, "<html><h1>502 Bad Gateway</h1></html>", "could not reach"),
    ("a proxy", 504, "", "took too long"),
]  # fmt: skip


@pytest.fixture
def server(wire):
    openai.clear_cache()
    return OpenAI(f"{wire.url}/v1", KEY, QUICK)


def answer(server):
    *_, last = ask(server, PHI, question())
    return last


@pytest.mark.parametrize(
    "who, status, body, said",
    BODIES,
    ids=[f"{row[0]}-{row[1]}-{i}" for i, row in enumerate(BODIES)],
)
def test_an_error_is_one_sentence_with_a_next_step(wire, server, who, status, body, said):
    wire.script += [say.status(status, body)] * 3
    with pytest.raises(VLMError, match=said) as caught:
        answer(server)
    sentence = str(caught.value)
    assert isinstance(caught.value, Gone if said == ABSENT else Refused)
    assert len(sentence) < 520 and not any(
        mark in sentence for mark in ('{"', "Traceback", "<html", "None", KEY)
    )


@pytest.mark.parametrize("who, status, body, said", [row for row in BODIES if isinstance(row[2], dict) and row[1] != 404 and row[3] != ABSENT],
                         ids=lambda value: value if isinstance(value, (str, int)) else "")  # fmt: skip
def test_an_error_in_the_midst_of_a_stream_keeps_the_words_and_ends_it(
    wire, server, who, status, body, said
):
    wire.script.append(say.sse(["Half a ", body], done=False))
    heard = []
    with pytest.raises(VLMError) as caught:
        for each in ask(server, PHI, question()):
            heard.append(each.text)
    assert heard[-1] == "Half a" and isinstance(caught.value, (Refused, Unreachable))
    if said in (LONG, CROWD, BLIND):
        assert said in str(caught.value)


@pytest.mark.parametrize("error, status", [
    ({"code": 400}, 400), ({"code": "429"}, 429), ({"http_status_code": 422}, 422), ({"status": 503}, 503), ({"code": "x", "status": 404}, 404),
    ({}, 500), ({"code": 200}, 500), ({"code": "9" * 9999}, 500), ({"code": True}, 500), ({"code": None}, 500), ({"code": [400]}, 500), ("words", 500),
])  # fmt: skip
def test_the_status_within_a_stream_is_found(wire, server, error, status):
    wire.script += [
        say.sse(
            [{"error": error if isinstance(error, str) else {"message": "No.", **error}}],
            done=False,
        )
    ] * 3
    with pytest.raises(VLMError) as caught:
        answer(server)
    assert getattr(caught.value, "status", status) == status


@pytest.mark.parametrize("status, complaint, dropped", [
    (422, {"detail": "Unexpected fields in the request: {'stream_options'}"}, {"stream_options"}),  # transformers serve
    (400, {"error": {"message": "Unrecognized request argument supplied: stream_options", "type": "invalid_request_error"}}, {"stream_options"}),  # Azure
    (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]}, {"stream_options"}),  # Mistral
    (400, {"error": {"message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}}, {"max_tokens"}),  # OpenAI
])  # fmt: skip
def test_what_a_strict_server_does_not_know_is_left_out(wire, server, status, complaint, dropped):
    wire.script += [say.status(status, complaint), say.sse(["yes"])]
    assert answer(server).text == "yes"
    first, second = (seen.json for seen in wire.asked("chat"))
    assert set(first) - set(second) == dropped and second["messages"] == first["messages"]
    assert dropped != {"max_tokens"} or second["max_completion_tokens"] == first["max_tokens"]


@pytest.mark.parametrize(
    "status, complaint",
    [
        (422, "messages: Field required"),
        (500, "stream_options"),
        (400, "temperature"),
        (429, "stream_options"),
    ],
)
def test_nothing_else_is_left_out(wire, server, status, complaint):
    wire.script += [say.status(status, {"detail": complaint})] * 3
    with pytest.raises(Refused, match=complaint):
        answer(server)
    assert len({json.dumps(seen.json) for seen in wire.asked("chat")}) == 1


def test_a_server_that_complains_for_ever_is_asked_only_so_often(wire, server):
    wire.script += [
        say.status(422, {"detail": "stream_options skip_special_tokens max_completion_tokens"})
    ] * 9
    with pytest.raises(Refused):
        answer(server)
    assert len(wire.asked("chat")) == 2


ENDS = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def test_a_stream_may_end_with_its_reason_alone(wire, server):
    """As that of `transformers serve` does."""
    wire.script.append(say.sse(["All ", "of it.", ENDS], done=False))
    assert answer(server).text == "All of it."


@pytest.mark.parametrize("end", [
    {"choices": []}, {"choices": [7]}, {"choices": {}}, {"choices": [{"delta": {}, "finish_reason": None}]}, {"finish_reason": "stop"},
])  # fmt: skip
def test_a_stream_that_ends_without_a_reason_broke_off(wire, server, end):
    wire.script.append(say.sse(["Half ", end], done=False))
    with pytest.raises(Unreachable, match="broke off"):
        answer(server)


@pytest.mark.parametrize("content, text", [
    ([{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}], "in parts"), ([], ""), ([7, {"text": 7}, {"type": "image_url"}], ""),
    (None, ""), (7, ""), ({"text": "x"}, ""),
])  # fmt: skip
def test_words_may_come_in_parts(wire, server, content, text):
    wire.script.append(
        say.json_body({"choices": [{"message": {"role": "assistant", "content": content}}]})
    )
    assert answer(server).text == text
