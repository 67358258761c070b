"""Read the parts of a page, and its tables with their cells."""

from vlm_backends.engines.builtin.documents.parts import PagePart, page_parts
from vlm_backends.engines.builtin.documents.tables import PrintedTable, find_tables

__all__ = ["PagePart", "PrintedTable", "find_tables", "page_parts"]
