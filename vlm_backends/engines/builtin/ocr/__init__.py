"""Read printed text with its places, by PP-OCRv6, whose weights come in rapidocr's wheel."""

from vlm_backends.engines.builtin.ocr.detection import print_share
from vlm_backends.engines.builtin.ocr.levelling import (
    levelling_matrix,
    line_fit,
    transformed,
    weighted_median,
)
from vlm_backends.engines.builtin.ocr.lines import Scan, TextLine, merge_lines, read_all, read_lines

__all__ = [
    "Scan",
    "TextLine",
    "levelling_matrix",
    "line_fit",
    "merge_lines",
    "print_share",
    "read_all",
    "read_lines",
    "transformed",
    "weighted_median",
]
