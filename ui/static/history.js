// The menu of the conversations that this browser had with a model: a new one, or an earlier one.
showcase.history = (element, props, watch, act) => {
  const menu = element.querySelector("details"),
    root = menu.querySelector("div"),
    { button } = showcase;
  const always = [
    button("New conversation", () => act({ op: "new" })),
    button("Delete this one", () => act({ op: "forget" })),
  ];
  menu.addEventListener("toggle", () => {
    if (!menu.open) return;
    root.replaceChildren(...always); // or a click would meet a list that is being replaced
    act({ op: "list" });
  });
  watch("value", () => {
    const listed = (props.value?.conversations ?? []).map(([key, title, shown]) =>
      button(title, () => act({ op: "open", key }), { "aria-current": shown && "true" }),
    );
    root.replaceChildren(...always, ...listed);
  });
};
