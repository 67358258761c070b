// Export buttons: each asks the server for one format.
// A file that comes back is saved, a link is copied.
showcase.files = (element, props, watch, take) => {
  const said = () => element.querySelector(".said");
  element.addEventListener("click", ({ target }) => {
    if (!target.dataset.format) return;
    said().textContent = "…";
    take({ format: target.dataset.format, at: Date.now() });
  });
  watch("value", () => {
    const { path, name, link, said: words } = props.value ?? {};
    said().textContent = words ?? (name ? `${name} is saved.` : "");
    if (path) showcase.make("a", { href: showcase.address(path), download: name }).click();
    if (link) share(said(), location.origin + location.pathname + link);
  });
};

async function share(said, link) {
  said.textContent = link;
  try {
    await navigator.clipboard.writeText(link);
    said.textContent = `Copied: ${link}`;
  } catch {
    getSelection().selectAllChildren(said);
  }
}

// Copy the code by its button.
showcase.copies = (element) =>
  element.addEventListener("click", async ({ target }) => {
    if (!("copy" in target.dataset)) return;
    const code = element.querySelector("code"),
      said = element.querySelector("[role=status]");
    try {
      await navigator.clipboard.writeText(code.textContent);
      said.textContent = "Copied.";
    } catch {
      getSelection().selectAllChildren(code);
      said.textContent = "Press Ctrl+C to copy.";
    }
  });
