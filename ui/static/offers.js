// What is in a picture that was just given, each with what can be done about it.
showcase.offers = (element, props, watch, take) => {
  const root = element.querySelector(".offers"),
    { button } = showcase;
  watch("value", () => {
    const { busy, offers = [] } = props.value ?? {};
    const waiting = busy ? "Looking what is in it…" : "";
    root.replaceChildren(offers.length ? "In this picture: " : waiting);
    for (const [said, title, ask] of offers)
      root.append(button(`${said} · ${title}`, () => take({ ask })));
  });
};
