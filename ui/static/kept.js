// What this browser keeps for the page; a frame of another site may not keep anything.
showcase.kept = (name) => {
  try {
    return JSON.parse(localStorage.getItem(`vlm-showcase-${name}`));
  } catch {
    return null;
  }
};
showcase.keep = (name, value) => {
  try {
    localStorage.setItem(`vlm-showcase-${name}`, JSON.stringify(value));
  } catch {
    /* then it is as new at the next visit */
  }
};

// The numbers of this browser and this window: the server keeps under them, for some hours, what
// was asked. A window keeps its number when it is loaded again.
const numbered = (kept, keep) => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const number = kept ?? [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  keep(number);
  return number;
};
showcase.isNew = !showcase.kept("browser"); // nothing that was asked before can come back
const browser = numbered(showcase.kept("browser"), (number) => showcase.keep("browser", number));
let tab = "";
try {
  tab = numbered(sessionStorage.vlmShowcase, (number) => (sessionStorage.vlmShowcase = number));
} catch {
  /* a frame of another site: each load counts as a window */
}
showcase.browser = () => `${browser}.${tab}`;
