"""Measures how often a colour gets a name that people accept for it."""

from collections.abc import Iterable, Iterator

import numpy as np

from benchmarks._measure import markdown_table
from tests.support.colour_samples import (
    LIGHTS,
    PATCHES,
    REGIONS,
    SIGNS,
    family,
    photographed_sign,
)
from vlm_backends.engines.builtin.colours import colours


def tables(_: int) -> Iterator[str]:
    """Yield a table with one row a set of samples, and a list of those with another name."""
    patches = [
        (f"#{code}", np.full((9, 9, 3), tuple(bytes.fromhex(code)), np.uint8), names)
        for code, names in PATCHES.items()
    ]
    photographs = [(f"{s.picture}: {s.thing}", s.pixels(), s.names) for s in REGIONS]
    signs = [
        (f"{name} sign {colour}, {light}", photographed_sign(colour, light, sum(colour)), name)
        for name, many in SIGNS.items()
        for colour in many
        for light in LIGHTS
    ]
    sets = {
        "patches of one colour": patches,
        "things in photographs": photographs,
        "drawn signs in five lights": signs,
    }
    odd = {title: _misnamed(samples) for title, samples in sets.items()}
    rows = [(title, len(sets[title]), len(sets[title]) - len(odd[title])) for title in sets]
    yield markdown_table(("Samples", "Number", "Named as people do"), rows)
    if any(odd.values()):
        yield "\n".join(f"- {line}" for lines in odd.values() for line in lines)


def _misnamed(samples: Iterable[tuple[str, np.ndarray, str]]) -> list[str]:
    """Return the samples whose largest colour has none of the accepted names."""
    lines = []
    for title, rgb, names in samples:
        found = colours(rgb)
        if not found or family(found[0][0]) not in names.split(", "):
            lines.append(f"{title}: {found}, not {names}")
    return lines
