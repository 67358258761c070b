"""The files of a page go when it ends, also after a fault."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from tests.support.async_tools import finished
from ui.core import storage


def test_files_go_at_the_end_although_the_samples_could_not_be_answered(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(storage, "_own_files", set())  # those of other tests' pages stay

    async def faulty():
        raise RuntimeError("a bug")

    async def run_and_end():
        page = gr.Blocks()
        page.background = faulty
        app = SimpleNamespace(get_blocks=lambda: page)
        async with storage.sweeping_lifespan()(app):
            await asyncio.sleep(0.1)

    path = Path(storage.store_file("picture.png", b"of a visitor"))
    assert path.exists()
    with pytest.raises(RuntimeError, match="a bug"):
        finished(run_and_end())
    assert not path.exists()
