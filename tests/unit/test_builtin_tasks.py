"""The built-in engine states a capability for exactly the tasks that it can answer."""

from vlm_backends.engines import builtin
from vlm_backends.engines.builtin import tasks


def test_each_task_with_an_answer_has_a_capability():
    assert set(builtin._BY_TASK) == set(tasks.TASKS)
