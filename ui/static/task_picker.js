// The tasks as one group of choices; a lock and a line say which cannot run here, and why.
showcase.tasks = (element, props, watch, choose) => {
  const root = element.querySelector(".tasks"),
    { make } = showcase;
  const show = () => {
    const { groups = [], chosen } = props.value ?? {};
    const held = root.contains(document.activeElement) && document.activeElement.value;
    root.replaceChildren(
      ...groups.map(({ name, tasks }) =>
        make(
          "fieldset",
          {},
          make("legend", {}, name),
          ...tasks.map((task) => chip(task, task.token === chosen, choose)),
        ),
      ),
    );
    if (held) root.querySelector("input:checked")?.focus();
  };
  watch("value", show);
  show();
};

function chip({ token, title, locked }, chosen, choose) {
  const { make } = showcase;
  const radio = make("input", {
    type: "radio",
    name: "task",
    value: token,
    checked: chosen,
    "aria-label": locked ? `${title}, locked: ${locked}` : title,
    onchange: () => {
      showcase.remember("task", token.replace(/[<>]/g, ""));
      choose({ token });
    },
  });
  const look = { class: locked ? "chip locked" : "chip", title: locked || null };
  return make("label", look, radio, title);
}
