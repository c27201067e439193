// The pictures before and after: which frame and which view is seen. Nothing here asks the server for
// anything; the chosen frame is told to it, so that the other tabs know it.
let view = "beside", at = "50";
const root = () => element.querySelector(".wi");

function show(frame) {
  const wi = root();
  if (!wi) return;
  const images = [...wi.querySelectorAll(".wi-before img[data-frame]")].map(i => Number(i.dataset.frame));
  if (!images.length) return;
  const near = images.reduce((a, b) => Math.abs(b - frame) < Math.abs(a - frame) ? b : a);
  wi.dataset.frame = frame;
  wi.querySelectorAll(".wi-picture img").forEach(i => { i.hidden = Number(i.dataset.frame) !== near; });
  const times = wi.dataset.times.split(",").map(Number);
  wi.style.setProperty("--now", 100 * times[frame] + "%");
  wi.querySelectorAll(".wi-cells button").forEach(b => {
    const here = Number(b.dataset.frame) === frame;
    b.setAttribute("aria-pressed", here);
    if (here) wi.querySelector(".wi-where").textContent = b.getAttribute("aria-label").split(":")[0];
  });
}

function look(name) {
  const wi = root();
  if (!wi) return;
  view = name;
  wi.dataset.view = name;
  wi.querySelectorAll(".wi-views button").forEach(b => b.setAttribute("aria-pressed", b.dataset.view === name));
  wi.style.setProperty("--at", at + "%");
  wi.querySelector(".wi-at").value = at;
}

function begin() {
  const wi = root();
  if (!wi || wi.dataset.ready) return;
  wi.dataset.ready = "1";
  look(view);
  show(Number(wi.dataset.frame));
}

element.addEventListener("click", event => {
  const button = event.target.closest("button");
  if (!button || !root()) return;
  if (button.dataset.view) look(button.dataset.view);
  if (button.dataset.frame) choose(Number(button.dataset.frame));
});

element.addEventListener("input", event => {
  if (!event.target.classList.contains("wi-at")) return;
  at = event.target.value;
  root().style.setProperty("--at", at + "%");
});

element.addEventListener("keydown", event => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const button = event.target.closest(".wi-cells button");
  if (!step || !button) return;
  const next = step < 0 ? button.previousElementSibling : button.nextElementSibling;
  if (next) { next.focus(); choose(Number(next.dataset.frame)); }
  event.preventDefault();
});

function choose(frame) {
  show(frame);
  trigger("select", { frame });
}

new MutationObserver(begin).observe(element, { childList: true, subtree: true });
begin();
