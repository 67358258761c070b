"""The client against a real server that others wrote: `transformers serve`. More of them: `python -m tests.support.real_servers`."""

import pytest

for needed in ("torch", "transformers", "openai", "accelerate"):
    pytest.importorskip(
        needed, reason="`transformers serve` needs pip install 'transformers[serving]'"
    )

from tests.support.real_servers import check_transformers, transformers_serve  # noqa: E402

pytestmark = pytest.mark.local


def test_transformers_serve_is_understood(tmp_path):
    with transformers_serve(tmp_path) as engine:
        check_transformers(engine)
