"""The first lines of the page: who answers, and the visitor's own key.

The key is held in the server's memory for this visit only. It is typed into a field that no public event
reads, so that neither the browser's run history nor a shared link can hold it.
"""

from dataclasses import dataclass, field, replace

import gradio as gr

from vlm_backends import Engine, VLMError, engines

HERE, HOSTED = "This machine", "NVIDIA"


@dataclass
class Visitor:
    """One visitor's choice; lives in a gr.State, and is lost with the visit."""

    key: str = field(default="", repr=False)
    choice: str = ""

    def engine(self, default: Engine) -> Engine:
        """The engine that answers this visitor; VLMError when it cannot be had."""
        if self.choice == HERE:
            return engines.Embedded()
        if self.key:
            return engines.hosted(self.key)
        if self.choice == HOSTED and not isinstance(default, engines.NVIDIA):
            return engines.NVIDIA("")
        return default


def header(default: Engine) -> gr.State:
    """The visitor's state; the line that says who answers, the key's field and the engine's choice are wired."""
    visitor = gr.State(Visitor(choice=HOSTED if isinstance(default, engines.NVIDIA) else HERE))
    with gr.Row(elem_classes="who", equal_height=True):
        who = gr.Markdown(_who(default, Visitor()), elem_id="who")
        choice = gr.Radio(
            [HERE, HOSTED], value=HOSTED if isinstance(default, engines.NVIDIA) else HERE, label="Answers come from",
            elem_id="engine", scale=0, min_width=290,
        )  # fmt: skip
    with gr.Accordion("Use your own NVIDIA key", open=False, elem_id="key-box"):
        gr.Markdown(
            "A key from [build.nvidia.com](https://build.nvidia.com) lets this page ask the models at NVIDIA. "
            "It stays in this server's memory until an hour after you leave the page; it is never written down."
        )
        with gr.Row(equal_height=True):
            key = gr.Textbox(type="password", label="NVIDIA key", placeholder="nvapi-…", elem_id="key", scale=3)
            use = gr.Button("Use this key", variant="primary", elem_id="use-key", min_width=130)
            forget = gr.Button("Forget it", elem_id="forget-key", min_width=110)
    private = {"api_visibility": "private", "queue": False, "show_progress": "hidden"}
    outputs = [visitor, key, choice, who]

    def take(key: str, visitor: Visitor) -> tuple:
        return _taken(default, key, visitor) if (key or "").strip() else (visitor, *[gr.skip()] * 3)

    gr.on([use.click, key.submit], take, [key, visitor], outputs, **private)
    forget.click(lambda: _taken(default, "", Visitor(choice=HERE)), None, outputs, **private)

    def choose(choice: str, visitor: Visitor) -> tuple:
        visitor = replace(visitor, choice=choice)
        return visitor, _who(default, visitor)

    choice.input(choose, [choice, visitor], [visitor, who], **private)
    return visitor


def _taken(default: Engine, key: str, visitor: Visitor) -> tuple:
    """The visitor with this key, the emptied field, the engine's choice and the line that says who answers."""
    key = (key or "").strip()
    if key:
        try:
            engines.hosted(key)
        except VLMError as error:
            gr.Warning(str(error))
            return visitor, gr.skip(), gr.skip(), gr.skip()
    visitor = Visitor(key, HOSTED if key or isinstance(default, engines.NVIDIA) else HERE)
    hint = f"in use, ends in …{key[-4:]}" if len(key) > 12 else "in use" if key else "nvapi-…"
    return visitor, gr.Textbox(value="", placeholder=hint), visitor.choice, _who(default, visitor)


def _who(default: Engine, visitor: Visitor) -> str:
    try:
        engine = visitor.engine(default)
    except VLMError as error:
        return f"**{error}**"
    if isinstance(engine, engines.Embedded):
        return (
            "**This machine answers.** It reads text and codes, outlines what you box, and turns bar charts into "
            "tables: computed here from your picture, with no key and no download. It does not converse."
        )
    if not getattr(engine, "key", "-"):
        return "**NVIDIA is to answer, but there is no key yet.** Give one below, or let this machine answer."
    whose = "your key" if visitor.key else "this page's key"
    return f"**NVIDIA answers**, with {whose}. Your picture and words go to NVIDIA's servers."
