// What is in a picture that was just given, each with what can be done about it.
showcase.offers = (element, props, watch, take) => {
  const root = element.querySelector(".offers"),
    { button } = showcase;
  watch("value", () => {
    const { busy, said: nothing = "", offers = [] } = props.value ?? {};
    const waiting = busy ? "Looking at what is in it…" : nothing;
    root.replaceChildren(offers.length ? "In this picture: " : waiting);
    for (const [said, title, ask, view] of offers)
      root.append(
        button(`${said} · ${title}`, () => {
          const tab = element.closest(".tabitem");
          if (view) tab.querySelector(`button[data-view="${view}"]`)?.click();
          take({ ask });
        }),
      );
  });
};
