"""One reader, one lane: who is one candidate under several names, and what is chosen of them."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from ui.core.session import Visitor, find_engines
from ui.state.candidates import Candidate, candidates, chosen_among, default_choice
from vlm_backends import CATALOGUE, Embedded
from vlm_backends.engines.base import Capability, Traits
from vlm_backends.intents import ASK, DESCRIBE, FIND, READ

IDS = {model.id: model for model in CATALOGUE}
LLAMA, PHI = "meta/llama-3.2-11b-vision-instruct", "microsoft/phi-3.5-vision-instruct"
FLORENCE, DEPLOT = "microsoft/florence-2", "google/deplot"
HOST = "gpu.example"


@dataclass(frozen=True)
class FakeEngine:
    """Answers for each model as `by` says: the model's id to who computes it."""

    kind: str
    name: str
    by: dict[str, str] = field(hash=False)
    sends_to: str = ""

    @property
    def traits(self):
        return Traits(self.kind, sends_to=self.sends_to)

    def with_key(self, key):
        return self

    def capability(self, model, task=None):
        return Capability(model.id in self.by, "", computed_by=self.by.get(model.id, ""))


def offered(*engines, intent=READ):
    registry = SimpleNamespace(engines=engines, models=[IDS[LLAMA], IDS[PHI], IDS[FLORENCE]])
    return candidates(registry, Visitor(), intent)


def local(name="Here", **by):
    return FakeEngine("local", name, {IDS_BY_NAME[one]: id for one, id in by.items()})


IDS_BY_NAME = {"llama": LLAMA, "phi": PHI, "florence": FLORENCE}


def server(name="Server", sends_to=HOST, kind="openai", by=HOST):
    return FakeEngine(kind, name, {LLAMA: by, PHI: by}, sends_to)


@pytest.mark.parametrize("engines, lanes", [
    # the same under two names
    ([local(llama="own/one", phi="own/one")], [{LLAMA, PHI}]),
    ([local("A", llama="own/one"), local("B", phi="own/one")], [{LLAMA, PHI}]),
    ([server("A"), server("B")], [{LLAMA}, {PHI}]),
    # and what must not become one
    ([local(llama="own/one", phi="own/two")], [{LLAMA}, {PHI}]),
    ([local(llama="", phi="")], [{LLAMA}, {PHI}]),
    ([server()], [{LLAMA}, {PHI}]),
    ([server(by="")], [{LLAMA}, {PHI}]),
    ([server("A", by=""), server("B", by="")], [{LLAMA}, {PHI}, {LLAMA}, {PHI}]),
    ([server("A"), server("B", "cpu.example", by="cpu.example")], [{LLAMA}, {PHI}] * 2),
    ([server("A"), server("B", kind="nvidia")], [{LLAMA}, {PHI}] * 2),
    ([local(llama=HOST), server()], [{LLAMA}, {LLAMA}, {PHI}]),
    ([local()], []),
])  # fmt: skip
def test_one_reader_is_one_lane(engines, lanes):
    assert [one.models for one in offered(*engines)] == lanes


@pytest.mark.parametrize("intent, titles", [
    (READ, ["Built-in tools (PP-OCRv6), for Florence-2 and Llama 3.2 Vision", "DePlot · Built-in tools"]),
    (ASK, ["Built-in tools (SSDLite and PP-OCRv6), for Llama 3.2 Vision and Florence-2"]),
    (FIND, ["Florence-2 · Built-in tools"]),
    (DESCRIBE, ["Llama 3.2 Vision · Built-in tools"]),
])  # fmt: skip
def test_the_built_in_tools_are_offered_once_for_what_they_compute(intent, titles):
    found = candidates(find_engines(Embedded()), Visitor(), intent)
    assert [one.title for one in found] == titles


@pytest.mark.parametrize("kept, chosen", [
    ([], []), (["x", ""], []), ([f"{LLAMA}@NVIDIA"], []), ([LLAMA], []), ([f"{PHI}@Built-in tools"], []),
    ([f"{LLAMA}@Built-in tools"], [FLORENCE]),
    ([f"{FLORENCE}@Built-in tools"], [FLORENCE]),
    ([f"{LLAMA}@Built-in tools", f"{FLORENCE}@Built-in tools"], [FLORENCE]),
    ([f"{DEPLOT}@Built-in tools", f"{LLAMA}@Built-in tools"], [FLORENCE, DEPLOT]),
])  # fmt: skip
def test_a_choice_by_hand_counts_under_each_name_and_once(kept, chosen):
    found = candidates(find_engines(Embedded()), Visitor(), READ)
    assert [one.model.id for one in chosen_among(found, kept)] == chosen


def candidate(id, engine, *others, partial=False):
    alike = tuple(Candidate(IDS[other], engine, partial=partial) for other in others)
    return Candidate(IDS[id], engine, partial=partial, computed_by="PP", others=alike)


@pytest.mark.parametrize("found, chosen", [
    ([], []),
    ([candidate(FLORENCE, "A"), candidate(FLORENCE, "B")], ["A"]),
    ([candidate(FLORENCE, "A"), candidate(FLORENCE, "B", LLAMA, partial=True)], ["A", "B"]),
    ([candidate(FLORENCE, "B", LLAMA, partial=True), candidate(FLORENCE, "A")], ["B"]),
    ([candidate(FLORENCE, "A"), candidate(LLAMA, "C"), candidate(FLORENCE, "B", PHI, partial=True)], ["A", "C"]),
])  # fmt: skip
def test_a_first_choice_has_each_model_once(found, chosen):
    assert [key.partition("@")[2] for key in default_choice(found)] == chosen


@pytest.mark.parametrize("others, title", [
    ((), "Florence-2 · B"),
    ((FLORENCE,), "B (PP), for Florence-2"),
    ((LLAMA,), "B (PP), for Florence-2 and Llama 3.2 Vision"),
    ((LLAMA, DEPLOT), "B (PP), for Florence-2, Llama 3.2 Vision and DePlot"),
])  # fmt: skip
def test_a_lane_names_what_computes_and_for_whom(others, title):
    assert candidate(FLORENCE, "B", *others).title == title
