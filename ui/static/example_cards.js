// Open a tab and click one of its examples, as a visitor would.
showcase.whenThere = (selector, then, tries = 100) => {
  const node = document.querySelector(selector);
  if (node) then(node);
  else if (tries) setTimeout(showcase.whenThere, 100, selector, then, tries - 1);
};

showcase.play = (model, example) => {
  document.getElementById(`tab-${model}-button`)?.click();
  showcase.whenThere(
    `[id="tab-${model}"] .examples .gallery-item:nth-child(${Number(example) + 1})`,
    (item) => {
      item.click();
      document
        .getElementById(`tab-${model}`)
        .scrollIntoView({ block: "start", behavior: "smooth" });
    },
  );
};

showcase.steps = (element) => {
  for (const image of element.querySelectorAll("img[data-path]"))
    image.src = showcase.address(image.dataset.path);
  element.addEventListener("click", ({ target }) => {
    const step = target.closest("[data-model]");
    if (step) showcase.play(step.dataset.model, step.dataset.example);
  });
};
