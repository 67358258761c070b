"""Hold the cells of a printed table while it is put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from vlm_backends.engines.builtin.documents.pieces import PrintPiece
from vlm_backends.media.geometry import Box
from vlm_backends.table_prompts import TableRows

Cell = tuple[int, int]  # row and column, from 0


@dataclass
class Grid:
    """Hold pieces by cell; a piece over several columns stands in each of them."""

    height: int
    width: int
    box: Box  # px of the upright page
    cells: dict[Cell, list[PrintPiece]] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)  # sentences on what may be wrong

    def put(self, piece: PrintPiece, cells: Iterable[Cell]) -> None:
        """Add a piece to cells."""
        for cell in cells:
            self.cells.setdefault(cell, []).append(piece)

    def doubt(self, sentence: str) -> None:
        """Note a doubt, once."""
        if sentence not in self.doubts:
            self.doubts.append(sentence)

    def trimmed(self) -> Grid:
        """Return the grid without its empty rows and columns."""
        rows = sorted({i for i, _ in self.cells})
        columns = sorted({j for _, j in self.cells})
        cells = {(rows.index(i), columns.index(j)): pieces for (i, j), pieces in self.cells.items()}
        return Grid(len(rows), len(columns), self.box, cells, self.doubts)

    def rows(self) -> TableRows:
        """Return the text of each cell."""
        return tuple(
            tuple(cell_text(self.cells.get((i, j), ())) for j in range(self.width))
            for i in range(self.height)
        )


def cell_text(pieces: Sequence[PrintPiece]) -> str:
    """Return the text of a cell: its lines from the top, each from the left."""
    lines: list[list[PrintPiece]] = []
    for piece in sorted(pieces, key=lambda piece: piece.middle[1]):
        if lines and piece.middle[1] < lines[-1][0].box[3]:
            lines[-1].append(piece)
        else:
            lines.append([piece])
    return " ".join(
        piece.text for line in lines for piece in sorted(line, key=lambda piece: piece.box[0])
    )
