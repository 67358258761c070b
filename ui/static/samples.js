// The strip of samples: each is a picture of the page's own, and a click asks about it.
showcase.samples = (element, pick) => {
  for (const image of element.querySelectorAll("img[data-path]"))
    image.src = showcase.address(image.dataset.path);
  element.addEventListener("click", ({ target }) => {
    const sample = target.closest("[data-index]");
    if (!sample) return;
    const index = Number(sample.dataset.index),
      task = sample.dataset.task.replace(/[<>]/g, "");
    showcase.remember({ task, example: String(index + 1) });
    pick({ index });
  });
};

// Open a tab and click one of its samples, as a visitor would.
showcase.play = (model, example) => {
  document.getElementById(`tab-${model}-button`)?.click();
  const sample = `[id="tab-${model}"] .sample[data-index="${example}"]`;
  showcase.whenThere(sample, (item) => item.click());
};
