"""Read printed text with its places, by PP-OCRv6, whose weights come in rapidocr's wheel."""

from vlm_backends.engines.builtin.ocr.lines import Page, TextLine, merge_lines, read_lines

__all__ = ["Page", "TextLine", "merge_lines", "read_lines"]
