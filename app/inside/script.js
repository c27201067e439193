// After actions.js: pressed buttons at once, focus after a redraw, positions in pictures, enlarging.
const dialog = () => element.closest(".tabitem").querySelector("dialog");
let focused = "";

element.addEventListener("click", (event) => {
  const zoom = event.target.closest(".zoom"), position = event.target.closest(".position");
  if (zoom) return enlarge(zoom.closest(".pic"));
  if (position) {
    const box = position.getBoundingClientRect();
    return select((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  }
  const button = event.target.closest("[data-action]");
  if (!button) return;
  const { action, value } = button.dataset;
  focused = `[data-action="${action}"][data-value="${value}"]`;
  for (const other of element.querySelectorAll(`[data-action="${action}"][aria-pressed]`))
    other.setAttribute("aria-pressed", String(other.dataset.value === value));
});

element.addEventListener("keydown", (event) => {
  const position = event.target.closest(".position");
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!position || !step) return;
  event.preventDefault();
  select(Number(position.dataset.x) / 1000 + 0.04 * step[0], Number(position.dataset.y) / 1000 + 0.04 * step[1]);
});

function select(x, y) {
  const thousandths = (share) => Math.round(1000 * Math.max(0, Math.min(1, share)));
  focused = ".position";
  trigger("action", { action: "position", value: { x: thousandths(x), y: thousandths(y) } });
}

watch("value", () => requestAnimationFrame(() => {
  if (focused && (document.activeElement === document.body || element.contains(document.activeElement)))
    element.querySelector(focused)?.focus({ preventScroll: true });
}));

function enlarge(pic) {
  const box = dialog(), image = box.querySelector(".large"), source = pic.querySelector("img");
  const { name, aspect } = pic.dataset;
  box.querySelector("h2").textContent = image.alt = name;
  image.src = source.src;
  image.className = source.classList.contains("cells") ? "large cells" : "large";
  image.style.aspectRatio = aspect;
  image.style.width = `min(86vw, 1080px, calc(72vh * ${aspect}))`;
  box.querySelector(".legend").innerHTML = pic.closest(".group")?.querySelector(".scale")?.outerHTML ?? "";
  const index = [...element.querySelectorAll(".pic[data-name]")].indexOf(pic);
  box.querySelector(".download").onclick = () => trigger("save", { picture: index });
  box.querySelector(".close").onclick = () => box.close();
  box.onclick = (event) => { if (event.target === box) box.close(); };
  box.showModal();
}
