"""What goes round Gradio's internals works, and Gradio still makes it necessary.

When a test of the second kind fails, named after Gradio, Gradio has changed: the code that its
docstring names can go.
"""

import inspect
from pathlib import Path

import gradio as gr
import pytest
from gradio import blocks, component_meta, route_utils
from gradio.components import Component
from gradio.context import LocalContext
from gradio.data_classes import FileData, ListFiles
from gradio.helpers import special_args
from gradio.state_holder import SessionState
from gradio.utils import get_upload_folder

from tests.support.async_tools import finished
from tests.support.paths import ASSETS
from ui.core import gradio_compat as compat
from ui.core.gradio_compat import (
    FetchedImage,
    OptionalNumber,
    RegionJSON,
    ToolError,
    UploadedFiles,
    UploadedImage,
    posted,
)

CAT = str(ASSETS / "cat.jpg")
OUR_COMPONENTS = {
    UploadedImage: "image",
    FetchedImage: "image",
    UploadedFiles: "file",
    OptionalNumber: "textbox",
}


@pytest.fixture
def parts():
    with gr.Blocks():
        return [gr.State(), gr.Markdown(), gr.Textbox()]


# posted


def test_a_missing_component_is_left_as_it_is(parts):
    state, words, box = parts
    handler = posted(lambda: {words: "hi", state: 7}, parts)
    assert handler() == [7, "hi", gr.skip()]


def test_a_sequence_and_a_dict_say_the_same(parts):
    values = [1, "a", gr.Textbox(visible=False)]
    assert posted(lambda: values, parts)() == posted(lambda: dict(zip(parts, values)), parts)()


def test_nothing_and_a_skip_leave_everything(parts):
    assert posted(dict, parts)() == posted(gr.skip, parts)() == [gr.skip()] * 3


def test_a_component_of_another_event_is_refused(parts):
    with pytest.raises(ValueError, match="not an output"):
        posted(lambda: {parts[0]: 1}, parts[1:])()


def test_a_single_output_is_no_list(parts):
    assert posted(lambda: "hi", parts[1:2])() == posted(lambda: {parts[1]: "hi"}, parts[1:2])()
    assert posted(lambda: "hi", parts[1:2])() == "hi"


def test_gradio_starts_a_thread_for_each_output():
    """`posted`."""
    source = inspect.getsource(blocks.Blocks.postprocess_data)
    assert "run_sync(\n                            block.postprocess" in source
    assert source.count("async_move_files_to_cache(") == 2, "files are looked for twice"


# the request


def test_the_request_is_known_to_what_a_handler_calls():
    request = gr.Request()
    token = LocalContext.request.set(request)
    assert compat.current_request() is request
    LocalContext.request.reset(token)
    assert compat.current_request() is None


def test_gradio_gives_the_request_to_parameters_only():
    """`current_request`."""
    request = gr.Request()
    assert special_args(lambda value: value, [1], request)[0] == [1]


# files


def test_gradio_leaves_folders_and_its_sweep_ends_at_a_change():
    """`files_of_visitors`, `files_of_examples`, and with them ui.core.storage's sweep."""
    source = inspect.getsource(route_utils.delete_files_created_by_app)
    assert "rmdir" not in source and "rmtree" not in source
    assert "for temp_set in blocks.temp_file_sets" in source and "tuple(" not in source


def test_files_are_found_on_a_page():
    with gr.Blocks() as page:
        example = gr.Image(CAT)
    files = list(compat.files_of_visitors(page))
    assert page.upload_file_set in files, "uploads"
    assert compat.files_of_examples(page) == {example.value["path"]}


# the components


@pytest.mark.parametrize("kind, name", OUR_COMPONENTS.items())
def test_a_subclass_is_its_parents_component_for_the_browser_and_the_api(kind, name):
    parent = next(base for base in kind.__mro__ if base.__module__.startswith("gradio."))
    with gr.Blocks():
        ours, theirs = kind(label="x"), parent(label="x")
    assert ours.get_block_name() == ours.get_block_class() == name == theirs.get_block_name()
    assert ours.api_info() == theirs.api_info()
    assert [str(event) for event in ours.EVENTS] == [str(event) for event in theirs.EVENTS]
    assert ours.get_config().keys() == theirs.get_config().keys()


def test_an_update_keeps_the_subclass():
    """Gradio makes a component anew for an update, of the class of the first."""
    with gr.Blocks():
        image = UploadedImage(label="x", type="filepath")
    anew = image.__class__(**image.constructor_args, render=False)
    assert anew.preprocess(FileData(path=CAT)) == CAT and anew.get_block_name() == "image"


def test_gradio_names_a_component_after_its_class():
    """`get_block_name` of the subclasses."""
    assert Component.get_block_name is blocks.Block.get_block_name
    assert "self.__class__.__name__.lower()" in inspect.getsource(blocks.Block.get_block_name)


def test_no_file_is_written_beside_the_module():
    assert not Path(compat.__file__).with_suffix(".pyi").exists()


def test_gradio_writes_a_file_beside_a_module_with_a_component(tmp_path, monkeypatch):
    """`_WithoutStub`."""
    module = tmp_path / "fields.py"
    module.write_text("\nimport gradio as gr\n\nclass Field(gr.Image):\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__("fields")
    assert module.with_suffix(".pyi").exists()
    assert "pyi" in inspect.getsource(component_meta.create_or_modify_pyi)


def test_a_picture_is_the_file_that_was_uploaded():
    with gr.Blocks():
        image = UploadedImage(type="filepath")
    assert image.preprocess(FileData(path=CAT)) == CAT and image.preprocess(None) is None


def test_gradio_decodes_a_picture(tmp_path):
    """`UploadedImage`."""
    path = tmp_path / "no.jpg"
    path.write_bytes(b"no picture")
    with gr.Blocks():
        image = gr.Image(type="filepath")
    with pytest.raises(Exception, match="cannot identify"):
        image.preprocess(gr.components.image.ImageData(path=str(path)))


def test_files_are_paths():
    with gr.Blocks():
        files = UploadedFiles(file_count="multiple", file_types=["image"])
    given = ListFiles([FileData(path=CAT), FileData(path="notes.txt")])
    assert files.preprocess(given) == [CAT, "notes.txt"] and files.preprocess(None) == []


def test_gradio_refuses_all_files_for_one(tmp_path):
    """`UploadedFiles`."""
    notes = tmp_path / "notes.txt"
    notes.write_text("no picture")
    with gr.Blocks():
        files = gr.File(file_count="multiple", file_types=["image"])
    given = ListFiles([FileData(path=CAT), FileData(path=str(notes), orig_name="notes.txt")])
    with pytest.raises(gr.Error):
        files.preprocess(given)


def test_a_region_has_a_schema():
    with gr.Blocks():
        region = RegionJSON()
    assert region.api_info() == compat.BOX_SCHEMA and region.get_block_name() == "json"


def test_gradio_gives_json_no_valid_schema():
    """`RegionJSON`."""
    with gr.Blocks():
        assert gr.JSON().api_info()["type"] == {}, "a type is a name or a list of names"


# addresses


def fetch(address: str) -> str | None:
    with gr.Blocks():
        image = FetchedImage()
    return finished(image.async_move_resource_to_block_cache(address))


def test_an_upload_to_this_page_is_an_address(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    upload = Path(get_upload_folder()) / "a b.txt"
    upload.parent.mkdir(parents=True, exist_ok=True)
    upload.write_text("hi")
    found = fetch(f"http://127.0.0.1:7860/gradio_api/file={str(upload).replace(' ', '%20')}")
    assert found and Path(found).read_text() == "hi"


def test_what_is_no_upload_is_a_sentence(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    with pytest.raises(ToolError, match="No picture could be fetched") as raised:
        fetch(f"http://127.0.0.1:7860/gradio_api/file={secret}")
    assert str(raised.value).endswith("upload the file to this page first.")


def test_gradio_fetches_from_public_hosts_only():
    """`FetchedImage`."""
    with gr.Blocks():
        image = gr.Image()
    with pytest.raises(ValueError, match="validation"):
        finished(image.async_move_resource_to_block_cache("http://127.0.0.1:9/cat.jpg"))


def test_a_tool_error_is_its_sentence():
    assert str(ToolError("Ask again.")) == "Ask again."


def test_gradio_puts_an_error_into_quotes():
    """`ToolError`."""
    assert str(gr.Error("Ask again.")) == "'Ask again.'"


def test_gradio_refuses_a_call_without_its_last_parameters():
    """`TolerantBlocks`."""

    def both(a: str, b: str | None = None) -> str:
        return f"{a} {b}"

    for kind in (gr.Blocks, compat.TolerantBlocks):
        with kind() as page:
            gr.api(both)
        function = next(iter(page.fns.values()))
        call = page.preprocess_data(function, ["one"], SessionState(page))
        if kind is gr.Blocks:
            with pytest.raises(ValueError, match="enough input values"):
                finished(call)
        else:
            assert finished(call) == ["one", None]


@pytest.mark.parametrize("typed, number", [
    ("", None), ("  ", None), (None, None), ("7", 7.0), (" 0.5 ", 0.5), ("0,5", 0.5), ("0", 0.0), ("-1", -1.0), ("x", "x"), ("1 2", "1 2"),
])  # fmt: skip
def test_a_field_for_a_number_may_be_left_empty(typed, number):
    field = OptionalNumber()
    assert field.preprocess(typed) == number
    shown = field.postprocess(number)
    assert isinstance(shown, str) and field.preprocess(shown) == number
