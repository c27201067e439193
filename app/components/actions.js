// Whatever carries data-action fires one event of its gr.HTML, with data-value as JSON or, failing that, text.
// data-confirm asks before. Links and form fields keep their own behaviour; a field sends data-value, or else its own value,
// when it changes.

const valueOf = (part) => {
  const text = part.dataset.value ?? (part.matches("input[type=checkbox]") ? String(part.checked)
    : part.matches("input, select, textarea") ? JSON.stringify(part.value) : undefined);
  if (text === undefined) return null;
  try { return JSON.parse(text); } catch { return text; }
};
const fire = (part) => {
  const question = part.dataset.confirm;
  if (!question || confirm(question)) trigger("action", { action: part.dataset.action, value: valueOf(part) });
};

element.addEventListener("click", (event) => {
  const part = event.target.closest("[data-action]");
  if (part && element.contains(part) && !part.matches("input, select, textarea, [disabled]")) fire(part);
});
element.addEventListener("change", (event) => {
  const part = event.target.closest("input[data-action], select[data-action], textarea[data-action]");
  if (part) fire(part);
});
element.addEventListener("keydown", (event) => {
  const part = event.target.closest("[data-action]");
  if (part && part === event.target && !part.matches("button, a, input, select, textarea") && (event.key === "Enter" || event.key === " ")) {
    event.preventDefault();
    fire(part);
  }
});

// A button with data-copy copies the <pre> beside it; where the browser allows no copying, it selects the text.
element.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]"), source = button?.parentElement.querySelector("pre");
  if (!source) return;
  const text = source.textContent.replace(/ \\\n\s+/g, " ");
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = avsegText("Copied");
  } catch {
    getSelection().selectAllChildren(source);
    button.textContent = avsegText("Press Ctrl-C");
  }
  setTimeout(() => { button.textContent = avsegText("Copy"); }, 2000);
});

// The buttons of a group with data-rove are one stop of the Tab key; the arrow keys move between them.
element.addEventListener("keydown", (event) => {
  const group = event.target.closest("[data-rove]"), buttons = [...(group?.querySelectorAll("button") ?? [])];
  const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
  const next = step && buttons[buttons.indexOf(event.target) + step];
  if (!next) return;
  event.preventDefault();
  buttons.forEach((button) => { button.tabIndex = button === next ? 0 : -1; });
  next.focus();
});
