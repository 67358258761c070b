// Several pictures of a message: small ones above the picture; a click shows one of them, without
// the regions of the answer, which are about the last.
showcase.pictures = (view) => {
  const { make } = showcase,
    { scene } = view;
  if (!(scene.pictures?.length > 1)) return "";
  const whole = scene.whole ?? scene; // as the server sent it
  const bare = { whole, regions: [], parts: [], alt: "Another picture of this message" };
  const show = (path, width, height) => {
    view.scene = path === whole.path ? whole : { ...whole, ...bare, path, width, height };
    showcase.render(view);
    view.root.querySelector(".pictures [aria-pressed=true]").focus();
  };
  const small = scene.pictures.map(([path, width, height], n) =>
    make(
      "button",
      {
        type: "button",
        "aria-pressed": String(path === scene.path),
        "aria-label": `Picture ${n + 1} of ${scene.pictures.length}`,
        onclick: () => show(path, width, height),
      },
      make("img", { src: showcase.address(path), alt: "" }),
    ),
  );
  const look = { class: "pictures", role: "group", "aria-label": "Pictures of this message" };
  return make("div", look, ...small);
};
