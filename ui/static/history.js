// The menu of the conversations that this browser had with a model: a new one, or an earlier one.
showcase.history = (element, props, watch, act) => {
  const menu = element.querySelector("details"),
    root = menu.querySelector("div"),
    { button } = showcase;
  menu.addEventListener("toggle", () => menu.open && act({ op: "list" }));
  watch("value", () => {
    root.replaceChildren(
      button("New conversation", () => act({ op: "new" })),
      button("Delete this one", () => act({ op: "forget" })),
    );
    for (const [key, title, shown] of props.value?.conversations ?? [])
      root.append(
        button(title, () => act({ op: "open", key }), { "aria-current": shown && "true" }),
      );
  });
};
