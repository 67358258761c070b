// The tasks as one group of choices; a lock and a line say which cannot run here, and why.
showcase.tasks = (element, props, watch, choose) => {
  const root = element.querySelector(".tasks"),
    { make } = showcase;
  const choices = insisting(choose, () => show());
  const show = () => {
    const { groups = [], chosen: known } = props.value ?? {};
    const chosen = choices.wanted?.token ?? known;
    const held = root.contains(document.activeElement) && document.activeElement.value;
    root.replaceChildren(
      ...groups.map(({ name, tasks }) =>
        make(
          "fieldset",
          {},
          make("legend", {}, name),
          ...tasks.map((task) => chip(task, task.token === chosen, choices.send)),
        ),
      ),
    );
    if (held) root.querySelector("input:checked")?.focus();
    reveal(root);
    showcase.earlier(element.closest(".tabitem"));
  };
  watch("value", () => {
    choices.answered(props.value?.chosen);
    show();
  });
  element.closest(".tabitem")?.addEventListener("click", ({ target }) => {
    if (target.closest(".sample")) choices.forget(); // a sample brings its own task
  });
  new ResizeObserver(() => reveal(root)).observe(root);
  show();
};

// Send a choice until the server tells that it is the one: of quick events, some are lost.
// Choices go one at a time; the one that came last is sent next.
function insisting(choose, giveUp) {
  const PATIENCE_MS = 3000,
    SOON_MS = 150, // what is sent while the page takes a value in is lost
    TRIES = 4;
  let tries = 0,
    timer = 0;
  const line = { wanted: null, forget, send, answered };
  function forget() {
    clearTimeout(timer);
    timer = 0;
    line.wanted = null;
  }
  function attempt() {
    timer = 0;
    if (!tries--) {
      forget();
      return giveUp();
    }
    timer = setTimeout(attempt, PATIENCE_MS);
    choose(line.wanted);
  }
  function send(choice) {
    line.wanted = choice;
    tries = TRIES;
    if (!timer) attempt();
  }
  function answered(token) {
    if (!line.wanted) return;
    clearTimeout(timer);
    if (line.wanted.token === token) forget();
    else timer = setTimeout(attempt, SOON_MS);
  }
  return line;
}

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
