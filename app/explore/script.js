// After components/actions.js: what a redraw must not lose, and what follows an input before the server answers.

let last = "";  // selector of what was used last: a redraw replaces it, and the focus returns to it
const open = new Set();  // names of the details that are unfolded
const remember = (event) => {
  const part = event.target.closest("[data-action]");
  if (!part) return;
  const { action, value } = part.dataset;
  last = `[data-action="${action}"]${value === undefined ? "" : `[data-value="${CSS.escape(value)}"]`}`;
};
element.addEventListener("click", remember);
element.addEventListener("change", remember);
element.addEventListener("toggle", (event) => {
  const name = event.target.dataset?.keep;
  if (name) open[event.target.open ? "add" : "delete"](name);
}, true);
watch("value", () => requestAnimationFrame(() => {
  for (const part of element.querySelectorAll("details[data-keep]")) part.open = open.has(part.dataset.keep);
  // What the server says goes: a redraw keeps elements, and with them what a visitor had ticked.
  for (const box of element.querySelectorAll("input[type=checkbox]")) box.checked = box.defaultChecked;
  for (const range of element.querySelectorAll("input[type=range]")) if (range !== document.activeElement) range.value = range.defaultValue;
  const focused = document.activeElement;
  if (last && (focused === document.body || element.contains(focused))) element.querySelector(last)?.focus({ preventScroll: true });
}));

// The label of the IoU slider follows it; the note is what its button sends.
element.addEventListener("input", (event) => {
  const input = event.target;
  if (input.type === "range") {
    const limit = Number(input.value);
    input.closest(".ex-block").querySelector("h3 span:last-child").textContent = limit > 1 ? avsegText("any") : avsegText("below {n}", { n: limit.toFixed(2) });
  } else if (input.matches(".ex-written input")) {
    element.querySelector("[data-action=tag_note]").dataset.value = JSON.stringify(input.value);
  }
});
element.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches(".ex-written input")) element.querySelector("[data-action=tag_note]").click();
});

// On a narrow page the opened clip is below the clips: it comes into view once its player is there (see SHOW_CLIP).
element.addEventListener("click", (event) => {
  if (event.target.closest("[data-action=open]")) document.querySelector("#ex-side").dataset.asked = "";
});

// A field whose text was sent is empty again.
element.addEventListener("change", (event) => {
  if (event.target.matches("[data-clear]")) event.target.value = "";
});

// On a public host tags belong to a visit. The browser keeps a copy, and hands it back to a visit that has none.
function keepOwn() {
  const part = element.querySelector("[data-own]");
  if (!part) return;
  const name = `avseg-tags ${part.dataset.ownKey}`;
  try {
    const kept = localStorage.getItem(name), known = seen.has(name);
    seen.add(name);
    if (part.dataset.own !== "{}") { localStorage.setItem(name, part.dataset.own); had.add(name); }
    else if (had.has(name)) localStorage.removeItem(name); // the visitor removed the last one
    else if (kept && !known) trigger("action", { action: "marks_restore", value: kept });
  } catch { /* a browser that keeps nothing */ }
}
const seen = new Set(), had = new Set();
watch("value", () => requestAnimationFrame(keepOwn));
