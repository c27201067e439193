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

// The label of the IoU slider follows it; the note is what the Flag button sends.
element.addEventListener("input", (event) => {
  const input = event.target;
  if (input.type === "range") {
    const limit = Number(input.value);
    input.closest(".ex-block").querySelector("h3 span:last-child").textContent = limit > 1 ? "any" : `below ${limit.toFixed(2)}`;
  } else if (input.matches(".ex-note input")) {
    element.querySelector("[data-action=flag]").dataset.value = JSON.stringify(input.value);
  }
});
element.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches(".ex-note input")) element.querySelector("[data-action=flag]").click();
});

// On a narrow page the opened clip is below the clips: it comes into view once its player is there (see SHOW_CLIP).
element.addEventListener("click", (event) => {
  if (event.target.closest("[data-action=open]")) document.querySelector("#ex-side").dataset.asked = "";
});
