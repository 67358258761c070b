"""A local server that speaks NVIDIA's wire: `python -m tests.support.wire --port 8808` runs it."""

from tests.support.wire.exchange import Exchange, Seen
from tests.support.wire.problems import Refusal, openai, problem, problems, unprocessable
from tests.support.wire.questions import INTEGRATE, LLAMA, VLM, Asset
from tests.support.wire.replies import (
    Reply,
    drop,
    empty_zip,
    half_json,
    json_body,
    not_a_zip,
    pack,
    pending,
    redirect,
    slow_headers,
    sse,
    status,
    whole_reply,
    zip_bomb,
    zip_many,
    zip_traversal,
    zipped,
)
from tests.support.wire.server import Wire

__all__ = [
    "INTEGRATE",
    "LLAMA",
    "VLM",
    "Asset",
    "Exchange",
    "Refusal",
    "Reply",
    "Seen",
    "Wire",
    "drop",
    "empty_zip",
    "half_json",
    "json_body",
    "not_a_zip",
    "openai",
    "pack",
    "pending",
    "problem",
    "problems",
    "redirect",
    "slow_headers",
    "sse",
    "status",
    "unprocessable",
    "whole_reply",
    "zip_bomb",
    "zip_many",
    "zip_traversal",
    "zipped",
]
