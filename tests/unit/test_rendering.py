"""A model's words on the page: no HTML, no picture from elsewhere, code as it is."""

import re

import pytest
from markdown_it import MarkdownIt

from ui.core.markdown import as_markdown, verbatim
from vlm_backends import (
    Answer,
)

WICKED = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "a <b onmouseover=x>", "<!-- x --><p>", "<https://evil.example>",
    "![x](http://evil.example/x.png)", "![x][1]\n\n[1]: http://evil.example/x.png",
    "```\n<img src=http://evil.example>\n```<img src=y>", "hello ``` <img src=y> ![p](http://evil.example/y.png)",
    "\\`<img src=y>\\`", "- ```\n  x\n  ```\n<img src=y>\n", "```\na\n   ```\n<img src=y>\n```\n", "~~~\n```\n~~~\n<img src=y>\n```\n",
    "````\n```\n````\n<img src=y>\n```", "> ```\n<img src=y>\n```\n", "``` `\n<img src=y>\n```", "    ```\n<img src=y>\n",
]  # fmt: skip


@pytest.mark.parametrize("text", WICKED)
def test_model_words_hold_no_html_and_load_no_picture(text):
    parser = MarkdownIt("commonmark", {"html": True})
    for cut in range(len(text) + 1):
        tokens = parser.parse(as_markdown(Answer(text[:cut])))
        kinds = {token.type for token in tokens} | {
            child.type for token in tokens for child in token.children or ()
        }
        assert not kinds & {"html_block", "html_inline", "image"}, text[:cut]


def test_code_stays_as_it_is():
    text = "Use this:\n\n```html\n<p>![x](y)\n```\nand then `a < b`"
    assert as_markdown(Answer(text)) == text


def test_verbatim_words_are_no_markdown():
    assert verbatim("# 5 * 3_4\n- x") == "\\# 5 \\* 3\\_4  \n\\- x"


@pytest.mark.parametrize("text", ["TOTAL   $33.40", "a  b   c    d", "one two", "first\n     indented", "end   \n   start"])  # fmt: skip
def test_verbatim_words_keep_the_blanks_between_them(text):
    shown = re.sub("<[^>]*>", "", MarkdownIt().render(verbatim(text))).removesuffix("\n")
    assert "<code>" not in MarkdownIt().render(verbatim(text))
    as_html_shows_it = [re.sub("[ \t]+", " ", line) for line in shown.split("\n")]
    lines = [line.replace("\u00a0", " ").rstrip(" ") for line in as_html_shows_it]
    assert lines == [line.rstrip(" ") for line in text.split("\n")]
