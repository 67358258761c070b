"""Answer questions that a table itself can answer, such as the largest row, without a model."""

from vlm_backends.engines.builtin.table_questions.answers import TableAnswer, answer_question
from vlm_backends.engines.builtin.table_questions.figures import parse_number
from vlm_backends.engines.builtin.table_questions.words import are_periods

__all__ = ["TableAnswer", "answer_question", "are_periods", "parse_number"]
