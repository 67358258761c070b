"""The settings of a process: all of them in one frozen value, and no key in anything it prints."""

import json
from dataclasses import FrozenInstanceError

import pytest

from vlm_backends import BadPrompt, MissingKey
from vlm_backends.config import Config
from vlm_backends.engines import configured_engines, connect_engine
from vlm_backends.ratelimit import VisitorLimits

SECRET = "canary-0123456789"
SERVERS = json.dumps([{"name": "Lab", "url": "http://lab/v1", "key": "LAB_KEY"}])
EVERYTHING = {
    "NVIDIA_API_KEY": f"nvapi-{SECRET}",
    "NVIDIA_BASE_URL": "http://127.0.0.1:8808",
    "VLM_BASE_URL": "http://one/v1",
    "VLM_API_KEY": f"one-{SECRET}",
    "VLM_SERVERS": SERVERS,
    "LAB_KEY": f"lab-{SECRET}",
    "VLM_AUTH": f"ann:{SECRET}",
    "VLM_SERVER_KEY": f"server-{SECRET}",
}


def test_all_settings_are_read_at_once():
    config = Config.from_env(EVERYTHING | {"VLM_RESIDENTS": "3", "SPACE_ID": "me/it"})
    assert (config.nvidia_key, config.nvidia_url) == (f"nvapi-{SECRET}", "http://127.0.0.1:8808")
    assert [server.name for server in config.servers] == ["Your server", "Lab"]
    assert [server.key for server in config.servers] == [f"one-{SECRET}", f"lab-{SECRET}"]
    assert config.loaded_models == 3 and not config.zero_gpu
    assert config.accounts == {"ann": SECRET} and config.server_key == f"server-{SECRET}"
    assert config.limits == VisitorLimits(30, 8, 500, 1000, 1)
    with pytest.raises(FrozenInstanceError):
        config.engine = "nvidia"


def test_no_key_and_no_password_is_in_its_repr():
    config = Config.from_env(EVERYTHING)
    assert SECRET not in repr(config) and SECRET not in str(config)
    assert SECRET not in repr(configured_engines(config))


@pytest.mark.parametrize(
    "env, offered",
    [
        ({}, True),
        ({"NVIDIA_API_KEY": "nvapi-1"}, True),
        ({"VLM_ENGINE": "embedded"}, False),
        ({"GRADIO_SERVER_NAME": "0.0.0.0"}, False),
        ({"SPACE_ID": "me/it"}, False),
        ({"VLM_TRUSTED_PROXIES": "1"}, False),
        ({"GRADIO_SHARE": "1"}, False),
        ({"GRADIO_SHARE": "1", "VLM_ENGINE": "local"}, True),
    ],
)
def test_strangers_may_download_weights_only_where_the_owner_says_so(env, offered):
    config = Config.from_env(env)
    assert config.offers_downloads is offered
    for engine in configured_engines(config):
        if engine.traits.kind == "local":
            assert engine.traits.fetches is offered


def test_without_settings_everything_is_at_its_default():
    assert Config.from_env({}) == Config() == Config.usable({})


@pytest.mark.parametrize(
    "env, said",
    [
        ({"VLM_AUTH": "no password"}, "VLM_AUTH"),
        ({"VLM_BUDGET": "lots"}, "VLM_BUDGET"),
        ({"VLM_SERVERS": "nowhere.json"}, "VLM_SERVERS"),
        ({"VLM_SERVER_KEY": "two words"}, "VLM_SERVER_KEY"),
        ({"VLM_ENGINE": "embedded", "VLM_RESIDENTS": "0"}, "VLM_RESIDENTS"),
    ],
)
def test_nothing_that_cannot_be_met_is_ignored(env, said):
    with pytest.raises(BadPrompt, match=said):
        Config.from_env(env)


def test_an_option_goes_before_the_variable():
    assert Config.from_env({"VLM_ENGINE": "nvidia"}, engine="embedded").engine == "embedded"
    with pytest.raises(MissingKey, match="NVIDIA_API_KEY"):
        Config.from_env({"VLM_ENGINE": "embedded"}, engine="nvidia")


def test_an_empty_option_unsets_the_variable():
    assert Config.from_env({"VLM_ENGINE": "nvidia"}, engine="").engine == ""
    assert Config.from_env({"VLM_ENGINE": "embedded"}).engine == "embedded"


def test_a_page_with_an_engine_leaves_out_those_that_cannot_be_had():
    env = EVERYTHING | {"VLM_SERVERS": "nowhere.json"}
    config = Config.usable(env)
    assert config.nvidia_key and not config.servers
    assert [engine.name for engine in configured_engines(config)][0] == "NVIDIA"
    assert connect_engine(config).name == "NVIDIA"
    for broken in ({"VLM_BUDGET": "lots"}, {"VLM_AUTH": "no password"}):
        with pytest.raises(BadPrompt):
            Config.usable(broken)


def test_the_environment_of_the_process_is_the_default(monkeypatch):
    monkeypatch.setenv("VLM_BASE_URL", "http://one/v1")
    assert Config.from_env().servers[0].url == "http://one/v1"
