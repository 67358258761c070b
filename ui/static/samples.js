// The strip of samples: each is a picture of the page's own, and a click asks about it.
showcase.samples = (element, pick) => {
  for (const image of element.querySelectorAll("img[data-path]"))
    image.src = showcase.address(image.dataset.path);
  element.addEventListener("click", ({ target }) => {
    const sample = target.closest("[data-index]");
    if (sample) pick({ index: Number(sample.dataset.index) });
  });
};

showcase.whenThere = (selector, then, tries = 100) => {
  const node = document.querySelector(selector);
  if (node) then(node);
  else if (tries) setTimeout(showcase.whenThere, 100, selector, then, tries - 1);
};

// Open a tab and click one of its samples, as a visitor would.
showcase.play = (model, example) => {
  document.getElementById(`tab-${model}-button`)?.click();
  showcase.whenThere(`[id="tab-${model}"] .sample[data-index="${example}"]`, (item) => item.click());
};
