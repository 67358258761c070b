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
    say(said(), words ?? (name ? `${name} is saved.` : ""));
    if (path) showcase.make("a", { href: showcase.address(path), download: name }).click();
    if (link) share(said(), location.origin + location.pathname + link);
  });
};

const TIME_TO_READ = 10_000, // milliseconds
  TIME_TO_COPY = 60_000;

function say(said, words) {
  said.textContent = words;
  clearTimeout(said.vanish);
  said.vanish = setTimeout(() => (said.textContent = ""), TIME_TO_READ);
}

async function share(said, address) {
  const sample = new URL(address).searchParams.has("example"),
    link = sample ? address : `${address}&shared=1`;
  clearTimeout(said.vanish);
  said.textContent = link;
  try {
    await navigator.clipboard.writeText(link);
    const holds = sample
      ? "It opens this sample, and asks what it asks."
      : "It opens this tab, without your picture and its answer: Export has these as a web page.";
    say(said, `The link is copied. ${holds}`);
  } catch {
    const shown = showcase.make("span", {}, link);
    said.replaceChildren("Copy this link: ", shown);
    getSelection().selectAllChildren(shown);
    said.vanish = setTimeout(() => (said.textContent = ""), TIME_TO_COPY);
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
