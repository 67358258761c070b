"""Answer questions that a table itself can answer, such as the largest row, without a model."""

from vlm_backends.engines.builtin.table_questions.answers import TableAnswer, answer_question

__all__ = ["TableAnswer", "answer_question"]
