"""Read the parts of a page: tables with their cells."""

from vlm_backends.engines.builtin.documents.tables import PrintedTable, find_tables

__all__ = ["PrintedTable", "find_tables"]
