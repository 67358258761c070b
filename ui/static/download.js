// The offer to download a model: a button, a command to copy, or the progress of the download.
showcase.download = (element, props, watch, accept) => {
  const root = element.querySelector(".download"),
    { make } = showcase;
  const show = () => {
    const { button, hint, command, share } = props.value ?? {};
    const focused = root.contains(document.activeElement);
    root.hidden = !hint;
    root.replaceChildren();
    if (button) root.append(make("button", { type: "button", onclick: accept }, button));
    if (share != null) root.append(make("progress", { value: share, "aria-label": "Download" }));
    if (hint) root.append(make("p", {}, hint));
    if (command) root.append(listing(make, command));
    if (focused) root.focus(); // or the next Tab would begin at the top of the page
  };
  showcase.copies(element);
  watch("value", show);
  show();
};

function listing(make, command) {
  const copy = make("button", { type: "button", "data-copy": "" }, "Copy");
  const code = make("pre", { tabindex: "0" }, make("code", {}, command));
  return make("div", { class: "listing" }, copy, make("span", { role: "status" }), code);
}
