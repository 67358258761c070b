"""A model's words on the page: no HTML, no picture from elsewhere, code as it is."""

import re

import pytest
from markdown_it import MarkdownIt

from ui.core.markdown import LATEX, as_markdown, closed, verbatim
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


@pytest.mark.parametrize(
    "text, shown",
    [
        ("so $x^2 + y$ holds", "so {$x^2 + y$} holds"),
        (r"$\frac{a}{b}$.", r"{$\frac{a}{b}$}."),
        ("($a$) and $b$", "({$a$}) and {$b$}"),
        (r"\(a + b\) and \(c\)", "{$a + b$} and {$c$}"),
        ("\\[\na\n\\]", "$$\na\n$$"),
        ("$$E = mc^2$$", "$$E = mc^2$$"),
    ],
)
def test_formulas_are_marked_as_the_page_reads_them(text, shown):
    marked = shown.replace("{$", "\u2060$").replace("$}", "$\u2060")
    assert as_markdown(Answer(text)) == marked


def test_words_that_are_shown_letter_for_letter_hold_no_formula():
    for text in ("give a key (at the top)", "[a] (b)", "$x$ and \\(y\\)", "$$z$$"):
        shown = as_markdown(Answer(text, literal=True))
        assert not any(mark["left"] in shown for mark in LATEX), shown


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5, or $10 with a drink.", "from $5-$10", "US$5 and AU$6$", "$ x $", "$5", "$$", "$", "a$b$c",
        "price $5 (was $6)", "`$x$` and ``$`y$``", "```sh\necho $A $B$\n```", r"\$x\$", "$a\nb$",
    ],
)  # fmt: skip
def test_prices_and_code_are_no_formulas(text):
    assert as_markdown(Answer(text)) == text


def test_boxes_of_a_list_of_tasks_are_letters():
    text = "- [ ] milk\n- [x] bread\n  1. [X] rye\n- [a] no\n```\n- [ ] code\n```"
    shown = as_markdown(Answer(text))
    assert shown.splitlines()[:4] == ["- ☐ milk", "- ☑ bread", "  1. ☑ rye", "- [a] no"]
    assert "- [ ] code" in shown


FENCES = [
    "```py\nx = 1", "~~~\nx", "````\n```\nx", "a\n\n```\n", "```", "```\n~~~\n", "   ```js\nlet a;",
]  # fmt: skip


@pytest.mark.parametrize("text", FENCES)
def test_a_block_of_code_that_was_cut_off_ends_before_what_follows(text):
    tokens = MarkdownIt().parse(f"{closed(text)}\n\nStopped.")
    assert tokens[-2].content == "Stopped." and tokens[0].type in ("fence", "paragraph_open")


@pytest.mark.parametrize("text", ["", "a", "```\nx\n```", "~~~py\nx\n~~~~\nb", "`a", "a ``` b"])
def test_whole_blocks_of_code_stay_as_they_are(text):
    assert closed(text) == text
