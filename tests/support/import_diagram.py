"""The import diagram of docs/architecture.md, drawn from the layer table of the import law.

`python -m tests.support.import_diagram` writes it into the page again after the table has changed.
"""

from collections.abc import Mapping, Sequence

from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "architecture.md"
_START, _END = "<!-- import diagram -->\n```\n", "```\n<!-- end of import diagram -->\n"
_PACKAGES = "ui", "vlm_backends"

Floors = Mapping[str, Sequence[Sequence[str]]]


def diagram(floors: Floors) -> str:
    """Draw one line a floor, from the top down; the floors of a package are indented below its name."""
    lines = []
    for rooms in reversed(floors[""]):
        lines.append("  ".join(rooms))
        for package in rooms:
            if package in _PACKAGES:
                inner = ("  ".join(floor) for floor in reversed(floors[package]))
                lines += [f"    ↓ {floor}" for floor in inner]
    return "\n".join(lines) + "\n"


def shown() -> str:
    """Return the diagram that the page shows."""
    return PAGE.read_text().partition(_START)[2].partition(_END)[0]


def write(floors: Floors) -> None:
    """Replace the diagram of the page."""
    before, start, rest = PAGE.read_text().partition(_START)
    after = rest.partition(_END)[2]
    PAGE.write_text(before + start + diagram(floors) + _END + after)


if __name__ == "__main__":
    from tests.unit.test_laws import FLOORS

    write(FLOORS)
