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
    reveal(root);
    showcase.earlier(element.closest(".tabitem"));
  };
  watch("value", show);
  new ResizeObserver(() => reveal(root)).observe(root);
  show();
};

// Say whose answer is shown, where another task was chosen since.
showcase.earlier = (tab, asked) => {
  const line = tab?.querySelector(".earlier");
  if (!line) return;
  line.dataset.asked = asked ?? line.dataset.asked ?? "";
  const chips = [...tab.querySelectorAll(".tasks input")];
  const other = chips.find((chip) => chip.value === line.dataset.asked && !chip.checked);
  line.textContent = other ? `Below is the answer of “${other.parentElement.textContent}”.` : "";
};

// Scroll sideways to the chosen task, where all stand in one line.
function reveal(root) {
  const chosen = root.querySelector(".chip:has(:checked)");
  if (!chosen) return;
  const at = chosen.getBoundingClientRect(),
    { left, right, width } = root.getBoundingClientRect();
  if (at.left < left || at.right > right)
    root.scrollLeft += at.left - left - (width - at.width) / 2;
}

function chip({ token, title, locked }, chosen, choose) {
  const { make } = showcase;
  const radio = make("input", {
    type: "radio",
    name: "task",
    value: token,
    checked: chosen,
    "aria-label": locked ? `${title}, locked: ${locked}` : title,
    onchange: () => {
      showcase.remember({ task: token.replace(/[<>]/g, "") });
      choose({ token, linked: "linked" in radio.dataset });
    },
  });
  const look = { class: locked ? "chip locked" : "chip", title: locked || null };
  return make("label", look, radio, title);
}
