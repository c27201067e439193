// The map of a data set: points on a canvas, its view, and the tools that select on it. TEMPLATE is templates/map.html.
// `points` (which and where) is sent once per map; `paint` (colours, what matches, the region) after every change.

const place = element.querySelector(".map-place");
place.innerHTML = TEMPLATE;
const canvas = place.querySelector("canvas"), pen = canvas.getContext("2d"), tip = place.querySelector(".map-tip");
const SIDE = 10000, CELLS = 64, REACH = 9, CORNERS = 48; // REACH: pixels between the pointer and a point that it means
const MOST_ZOOM = 200, ROUND = 3000; // up to so many points in view they are drawn round, which takes longer

let points = null; // { count, x, y, rows, starts, members }: members of the cell k lie in starts[k] .. starts[k + 1]
let groups = []; // { colour, alpha, members } in the order of drawing
let paint = {}, tool = "move", view = { x: SIDE / 2, y: SIDE / 2, zoom: 1 };
let path = [], hovered = -1, asking = 0, pending = 0, seen = Infinity;
const pointers = new Map(); // those that are down, by id: where each is now
let pressed = null; // where and when the first went down

const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const ratio = () => canvas.width / (canvas.clientWidth || 1);
const unit = () => (Math.min(canvas.clientWidth, canvas.clientHeight) / SIDE) * view.zoom; // CSS pixels per unit of the map
const toMap = ({ x, y }) => ({ x: view.x + (x - canvas.clientWidth / 2) / unit(), y: view.y + (y - canvas.clientHeight / 2) / unit() });
const toPage = (x, y) => ({ x: (x - view.x) * unit() + canvas.clientWidth / 2, y: (y - view.y) * unit() + canvas.clientHeight / 2 });
const at = (event) => { const box = canvas.getBoundingClientRect(); return { x: event.clientX - box.left, y: event.clientY - box.top }; };
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const later = () => { pending ||= requestAnimationFrame(draw); };

function load() {
  hovered = -1;
  tip.hidden = true;
  if (!props.points) { points = null; groups = []; return later(); }
  const { key, xy, rows } = JSON.parse(props.points);
  if (points && points.key !== key) view = { x: SIDE / 2, y: SIDE / 2, zoom: 1 };
  const pairs = new Uint16Array(bytesOf(xy).buffer), count = pairs.length / 2;
  const x = new Uint16Array(count), y = new Uint16Array(count), cell = new Uint16Array(count);
  const starts = new Uint32Array(CELLS * CELLS + 1), members = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    x[i] = pairs[2 * i];
    y[i] = pairs[2 * i + 1];
    cell[i] = cellOf(y[i]) * CELLS + cellOf(x[i]);
    starts[cell[i] + 1]++;
  }
  for (let k = 0; k < CELLS * CELLS; k++) starts[k + 1] += starts[k];
  const next = starts.slice();
  for (let i = 0; i < count; i++) members[next[cell[i]]++] = i;
  points = { key, count, x, y, rows: new Uint32Array(bytesOf(rows).buffer), starts, members };
  place.dataset.points = count;
  repaint();
}

const cellOf = (value) => clamp(Math.floor((value * CELLS) / SIDE), 0, CELLS - 1);

// Points that do not match lie below, pale; of the others, those of one colour are drawn together.
function repaint() {
  paint = props.paint ? JSON.parse(props.paint) : {};
  groups = [];
  if (!points || !paint.code) return later();
  const code = bytesOf(paint.code), match = paint.match ? bytesOf(paint.match) : null;
  if (code.length !== points.count) return later(); // of the map before
  const style = getComputedStyle(element), lists = paint.colours.map(() => []), rest = [];
  for (let i = 0; i < points.count; i++) {
    const row = points.rows[i];
    (!match || match[row >> 3] & (128 >> (row & 7)) ? lists[code[i]] : rest).push(i);
  }
  const add = (token, alpha, members) => groups.push({ colour: style.getPropertyValue(`--${token}`), alpha, members: Uint32Array.from(members) });
  add("ink-3", 0.22, rest);
  // The last colour is that of what is unknown or other: it lies below the rest.
  lists.map((members, k) => [paint.colours[k], members]).reverse().forEach(([token, members]) => add(token, 0.85, members));
  place.dataset.matching = points.count - rest.length;
  later();
}

function draw() {
  pending = 0;
  const began = performance.now(), r = ratio(), { width, height } = canvas;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.globalAlpha = 1;
  pen.clearRect(0, 0, width, height);
  if (points) {
    const k = unit() * r, left = width / 2 - view.x * k, top = height / 2 - view.y * k;
    const size = r * clamp(2.6 * Math.sqrt(view.zoom) * (points.count < 2000 ? 2 : 1), 2.6, 9), half = size / 2, round = seen < ROUND;
    seen = 0;
    for (const { colour, alpha, members } of groups) {
      pen.fillStyle = colour;
      pen.globalAlpha = alpha;
      for (let m = 0; m < members.length; m++) {
        const x = points.x[members[m]] * k + left, y = points.y[members[m]] * k + top;
        if (x < -size || y < -size || x > width + size || y > height + size) continue;
        seen++;
        if (round) {
          pen.beginPath();
          pen.arc(x, y, half, 0, 7);
          pen.fill();
        } else pen.fillRect(x - half, y - half, size, size);
      }
    }
    if (round !== seen < ROUND) later();
    pen.globalAlpha = 1;
    const ring = (i, token) => {
      pen.beginPath();
      pen.arc(points.x[i] * k + left, points.y[i] * k + top, half + 3 * r, 0, 7);
      pen.lineWidth = 2 * r;
      pen.strokeStyle = getComputedStyle(element).getPropertyValue(token);
      pen.stroke();
    };
    if (paint.opened >= 0) points.rows.forEach((row, i) => { if (row === paint.opened) ring(i, "--ink"); });
    if (hovered >= 0) ring(hovered, "--accent");
    outline(path.length ? path : (paint.region ?? []).map(([x, y]) => ({ x, y })), k, left, top, r);
  }
  place.dataset.draw = (performance.now() - began).toFixed(2);
}

function outline(corners, k, left, top, r) {
  if (corners.length < 2) return;
  pen.beginPath();
  for (const { x, y } of corners) pen.lineTo(x * k + left, y * k + top);
  pen.closePath();
  const colour = getComputedStyle(element).getPropertyValue("--accent");
  pen.fillStyle = pen.strokeStyle = colour;
  pen.globalAlpha = 0.1;
  pen.fill();
  pen.globalAlpha = 1;
  pen.lineWidth = 1.5 * r;
  pen.setLineDash([5 * r, 3 * r]);
  pen.stroke();
  pen.setLineDash([]);
}

// The point nearest to a place of the canvas, -1 without one in reach.
function nearest(where) {
  if (!points) return -1;
  const { x, y } = toMap(where), reach = REACH / unit();
  let best = -1, least = reach * reach;
  for (let row = cellOf(y - reach); row <= cellOf(y + reach); row++)
    for (let column = cellOf(x - reach); column <= cellOf(x + reach); column++) {
      const k = row * CELLS + column;
      for (let m = points.starts[k]; m < points.starts[k + 1]; m++) {
        const i = points.members[m], far = (points.x[i] - x) ** 2 + (points.y[i] - y) ** 2;
        if (far <= least) { least = far; best = i; }
      }
    }
  return best;
}

function zoom(factor, where = { x: canvas.clientWidth / 2, y: canvas.clientHeight / 2 }) {
  const fixed = toMap(where);
  view.zoom = clamp(view.zoom * factor, 0.8, MOST_ZOOM);
  const now = toMap(where);
  pan(fixed.x - now.x, fixed.y - now.y);
}

function pan(x, y) {
  view.x = clamp(view.x + x, 0, SIDE);
  view.y = clamp(view.y + y, 0, SIDE);
  tip.hidden = true;
  later();
}

// A drawn path as corners that the server takes: no more than CORNERS, evenly along the path, as whole numbers on the map.
function select(corners) {
  const step = Math.max(1, corners.length / CORNERS), kept = [];
  for (let k = 0; k < corners.length; k += step) kept.push(corners[Math.floor(k)]);
  const whole = (value) => Math.round(clamp(value, 0, SIDE));
  const text = [...new Set(kept.map(({ x, y }) => `${whole(x)}.${whole(y)}`))];
  if (text.length > 2) trigger("action", { action: "lasso", value: text.join("-") });
}

const rectangle = (a, b) => [a, { x: b.x, y: a.y }, b, { x: a.x, y: b.y }];
const inView = () => rectangle(toMap({ x: 0, y: 0 }), toMap({ x: canvas.clientWidth, y: canvas.clientHeight }));

canvas.addEventListener("pointerdown", (event) => {
  const where = at(event);
  try { canvas.setPointerCapture(event.pointerId); } catch { /* one that a test made up */ }
  pointers.set(event.pointerId, where);
  if (pointers.size === 1) pressed = { ...where, far: 0 };
  path = tool !== "move" && pointers.size === 1 && event.button === 0 ? [toMap(where)] : [];
});
canvas.addEventListener("pointermove", (event) => {
  const where = at(event), before = pointers.get(event.pointerId);
  if (!before) return hover(where, event.pointerType);
  if (pressed) pressed.far = Math.max(pressed.far, Math.hypot(where.x - pressed.x, where.y - pressed.y));
  if (pointers.size === 2) {
    const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
    const apart = (a) => Math.hypot(a.x - other.x, a.y - other.y) || 1;
    zoom(apart(where) / apart(before), { x: (where.x + other.x) / 2, y: (where.y + other.y) / 2 });
  } else if (path.length) {
    path = tool === "box" ? rectangle(path[0], toMap(where)) : [...path, toMap(where)];
    later();
  } else pan((before.x - where.x) / unit(), (before.y - where.y) / unit());
  pointers.set(event.pointerId, where);
});
for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => {
  const known = pointers.delete(event.pointerId), drawn = path, clicked = known && name === "pointerup" && pressed?.far < 5;
  if (pointers.size) return;
  path = [];
  pressed = null;
  later();
  const i = clicked ? nearest(at(event)) : -1;
  if (i >= 0) {
    document.querySelector("#ex-side").dataset.asked = "";
    trigger("action", { action: "open", value: points.rows[i] });
  } else if (!clicked && drawn.length > 2) select(drawn);
});
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-clamp(event.deltaY, -200, 200) / 300), at(event));
}, { passive: false });
canvas.addEventListener("pointerleave", () => { hovered = -1; tip.hidden = true; clearTimeout(asking); later(); });

// What the pointer is on: the server names it and sends its picture (`peeked`).
function hover(where, kind) {
  if (kind === "touch") return;
  const i = nearest(where);
  if (i === hovered) return;
  hovered = i;
  tip.hidden = true;
  clearTimeout(asking);
  if (i >= 0) asking = setTimeout(() => trigger("peek", { row: points.rows[i] }), 90);
  canvas.style.cursor = i >= 0 ? "pointer" : "";
  later();
}

watch("peeked", () => {
  const about = props.peeked ? JSON.parse(props.peeked) : null;
  if (!about || hovered < 0 || points.rows[hovered] !== about.row) return;
  const [picture, name, text] = tip.children, { x, y } = toPage(points.x[hovered], points.y[hovered]);
  picture.hidden = !about.picture;
  picture.src = about.picture;
  name.textContent = about.name;
  text.textContent = about.text;
  tip.hidden = false;
  tip.style.left = `${clamp(x + 14, 0, canvas.clientWidth - tip.offsetWidth)}px`;
  tip.style.top = `${y + 14 + tip.offsetHeight > canvas.clientHeight ? Math.max(0, y - 14 - tip.offsetHeight) : y + 14}px`;
});

const commands = {
  move: () => choose("move"),
  lasso: () => choose("lasso"),
  box: () => choose("box"),
  in: () => zoom(1.5),
  out: () => zoom(1 / 1.5),
  whole: () => { view = { x: SIDE / 2, y: SIDE / 2, zoom: 1 }; later(); },
  view: () => select(inView()),
};
function choose(name) {
  tool = name;
  canvas.dataset.tool = name;
  for (const button of place.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", button.dataset.tool === name);
}
place.addEventListener("click", (event) => commands[event.target.closest("[data-map]")?.dataset.map]?.());
canvas.addEventListener("keydown", (event) => {
  const step = 60 / unit(), keys = {
    ArrowLeft: () => pan(-step, 0), ArrowRight: () => pan(step, 0), ArrowUp: () => pan(0, -step), ArrowDown: () => pan(0, step),
    "+": commands.in, "=": commands.in, "-": commands.out, 0: commands.whole, Enter: commands.view,
    l: commands.lasso, b: commands.box, m: commands.move, Escape: () => { path = []; later(); },
  };
  if (!keys[event.key] || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  keys[event.key]();
});

new ResizeObserver(() => {
  const { clientWidth, clientHeight } = canvas;
  if (!clientWidth) return;
  const r = Math.min(2, devicePixelRatio);
  Object.assign(canvas, { width: Math.round(clientWidth * r), height: Math.round(clientHeight * r) });
  draw();
}).observe(canvas);
new MutationObserver(repaint).observe(document.body, { attributes: true, attributeFilter: ["class"] }); // light or dark
watch("points", load);
watch("paint", repaint);
choose("move");
load();
