"""Answer questions that a table itself can answer, such as the largest row, without a model."""

from vlm_backends.engines.builtin.table_questions.answers import TableAnswer, answer_question
from vlm_backends.engines.builtin.table_questions.figures import is_headless, parse_number
from vlm_backends.engines.builtin.table_questions.words import are_periods, may_be_answered

__all__ = [
    "TableAnswer",
    "answer_question",
    "are_periods",
    "is_headless",
    "may_be_answered",
    "parse_number",
]
