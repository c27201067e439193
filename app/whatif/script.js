// Shows one frame and one view of the pictures; the selected frame goes to the server for the other tabs.
let view = "beside", divider = "50";
const root = () => element.querySelector(".wi");
const press = (button, pressed) => button.setAttribute("aria-pressed", pressed);

function showFrame(frame) {
  const wi = root(), all = [...wi.querySelectorAll(".wi-picture img")];
  // A long clip has pictures of some frames only: the nearest one is shown.
  const nearest = all.map((image) => Number(image.dataset.frame))
    .reduce((a, b) => (Math.abs(b - frame) < Math.abs(a - frame) ? b : a));
  for (const image of all) image.hidden = Number(image.dataset.frame) !== nearest;
  wi.style.setProperty("--now", 100 * Number(wi.dataset.times.split(",")[frame]) + "%");
  for (const button of wi.querySelectorAll("[data-action=frame]")) {
    const selected = Number(button.dataset.value) === frame;
    press(button, selected);
    if (selected) wi.querySelector(".wi-where").textContent = button.getAttribute("aria-label").split(":")[0];
  }
}

function showView(name) {
  const wi = root();
  view = wi.dataset.view = name;
  for (const button of wi.querySelectorAll("[data-action=view]")) press(button, JSON.parse(button.dataset.value) === name);
}

function moveDivider(position) {
  divider = root().querySelector(".wi-at").value = position;
  root().style.setProperty("--at", position + "%");
}

function begin() {
  const wi = root();
  if (!wi || wi.dataset.ready) return;
  wi.dataset.ready = "1";
  showView(view);
  moveDivider(divider);
  showFrame(Number(wi.dataset.frame));
}

function select(button) {
  const frame = Number(button.dataset.value);
  showFrame(frame);
  trigger("select", { frame });
}

element.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-action]");
  if (button?.dataset.action === "view") showView(JSON.parse(button.dataset.value));
  if (button?.dataset.action === "frame") select(button);
});
element.addEventListener("input", ({ target }) => { if (target.matches(".wi-at")) moveDivider(target.value); });
element.addEventListener("keydown", (event) => {
  const sibling = { ArrowLeft: "previousElementSibling", ArrowRight: "nextElementSibling" }[event.key];
  const next = sibling && event.target.closest("[data-action=frame]")?.[sibling];
  if (!next) return;
  event.preventDefault();
  next.focus();
  select(next);
});
new MutationObserver(begin).observe(element, { childList: true, subtree: true });
begin();
