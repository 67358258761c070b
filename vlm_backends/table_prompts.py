"""Spell a question with the table that it is about, and read such a question back."""

from collections.abc import Sequence

_HEAD = "The table behind this chart:\n\n"

TableRows = tuple[tuple[str, ...], ...]


def write_table_prompt(rows: Sequence[Sequence[str]], question: str) -> str:
    """Return a question with its table, the header first, as words for any model."""
    table = "\n".join(" | ".join(cell.replace("|", "/") for cell in row) for row in rows)
    return f"{_HEAD}{table}\n\n{question.strip()}"


def read_table_prompt(text: str) -> tuple[TableRows, str] | None:
    """Return the rows and the question that `write_table_prompt` spelled; None for other words."""
    if not text.startswith(_HEAD):
        return None
    table, _, question = text.removeprefix(_HEAD).partition("\n\n")
    rows = tuple(tuple(line.split(" | ")) for line in table.split("\n"))
    if not question.strip() or len({len(row) for row in rows}) != 1 or len(rows[0]) < 2:
        return None
    return rows, question.strip()
