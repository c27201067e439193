// After actions.js: pressed buttons at once, focus after a redraw, positions in pictures, enlarging, downloading.
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
  box.querySelector(".download").onclick = () => download(name, image, Number(aspect));
  box.querySelector(".close").onclick = () => box.close();
  box.onclick = (event) => { if (event.target === box) box.close(); };
  box.showModal();
}

// The file shows the picture, its name and its scale.
function download(name, image, aspect) {
  const canvas = document.createElement("canvas"), pen = canvas.getContext("2d"), foot = 56;
  const width = Math.max(960, image.naturalWidth), height = Math.round(width / aspect), middle = height + foot / 2;
  canvas.width = width;
  canvas.height = height + foot;
  pen.fillStyle = "#FFFFFF";
  pen.fillRect(0, 0, width, height + foot);
  pen.imageSmoothingEnabled = !image.classList.contains("cells");
  pen.drawImage(image, 0, 0, width, height);
  pen.fillStyle = "#1B1C20";
  pen.font = '20px "IBM Plex Sans", sans-serif';
  pen.textBaseline = "middle";
  pen.fillText(name, 12, middle, width * 0.55);
  const scale = dialog().querySelector(".legend .scale");
  if (scale) {
    const { low, high, quantity } = scale.dataset;
    pen.textAlign = "right";
    pen.fillText(high, width - 12, middle);
    const right = width - 24 - pen.measureText(high).width;
    pen.imageSmoothingEnabled = true;
    pen.drawImage(scale.querySelector("img"), right - 140, middle - 7, 140, 14);
    pen.fillText(`${quantity}  ${low}`, right - 152, middle, width * 0.3);
  }
  const link = document.createElement("a");
  link.download = name.toLowerCase().replace(/[^a-z0-9]+/g, "-") + ".png";
  link.href = canvas.toDataURL("image/png");
  link.click();
}
