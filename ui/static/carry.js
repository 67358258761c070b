// The visitor's own picture goes along: a tab that is not in use opens with it (see `FILLS_OWN`),
// and first among the samples of each tab it is there for a click.
let own = "";
try {
  own = sessionStorage.vlmOwnPicture ?? "";
} catch {
  /* a frame of another site may keep nothing */
}
const views = new Set();
showcase.own = () => own;

// Note what a viewer shows, and offer the picture beside any other.
showcase.carry = (view, fresh = true) => {
  const { make } = showcase,
    { given, path } = view.scene ?? {};
  if (given && fresh) view.given = own = path;
  if (!path && view.before === own) own = ""; // it was cleared
  view.before = path;
  views.add(view);
  try {
    sessionStorage.vlmOwnPicture = own;
  } catch {
    /* then it goes along until the next load */
  }
  const offers = view.tab?.querySelector(".offered");
  if (offers) offers.hidden = Boolean(view.given) && path !== view.given; // they are about that one
  const strip = view.tab?.querySelector(".samples");
  strip?.querySelector(".own-picture")?.remove();
  if (!strip || !own || path === own || view.takes === "none") return;
  const image = make("img", { src: showcase.address(own), alt: "" });
  image.onerror = () => image.parentNode.remove(); // it is no longer on the server
  const attributes = { type: "button", class: "sample own-picture" };
  const onclick = () => view.trigger.picked({ paths: [own] });
  const title = make("span", {}, "Your picture");
  strip.prepend(make("button", { ...attributes, onclick }, image, title));
};

showcase.onTab(() =>
  views.forEach((view) => view.root.checkVisibility() && showcase.carry(view, false)),
);
