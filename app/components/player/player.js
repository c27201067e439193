// The player in the browser. Gradio runs this once per player, with `element`, `props`, `trigger` and `watch`.
// Two files are fetched per clip: the video, and the pack of pictures and counts (app/components/player/pack.py).
// Everything that can be set afterwards is computed here, so no control ever asks the server.

const LAYER = 960; // longest side at which masks are computed; the canvas itself has the video's size
const KEPT = 64e6; // bytes of decoded masks
const LEVELS = 101;
const SCALES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 1];
const STYLES = { mask: "Mask", outline: "Outline", cutout: "Cut-out", heat: "Heat" };
const WHITE = [255, 255, 255], FALSE_ALARM = [0xd5, 0x5e, 0x00], MISS = [0x00, 0x72, 0xb2], GREY = "#8F939D";
const MAGMA = ["#000004", "#180F3D", "#440F76", "#721F81", "#9E2F7F", "#CD4071", "#F1605D", "#FD9668", "#FECA8D", "#FCFDBF"];
const FREQUENCIES = [["7.5 kHz", 0], ["1 kHz", 0.685], ["125 Hz", 1]]; // places on the mel axis, from the top
const KEYS = [
  ["Space", "play, pause"], ["← →", "one frame"], ["Shift ← →", "one second"], ["Home End", "first, last frame"],
  ["[ ]", "opacity"], [", .", "threshold"], ["M", "mask on, off"], ["G", "ground truth"], ["E", "errors"],
  ["1 – 7", "class on, off"], ["?", "this list"],
];
const PROMISES = [ // before anything is marked
  ["The mask", "over the video: what the model takes for sounding"],
  ["The sound", "as the model heard it, on one time axis with the frames"],
  ["The numbers", "of every frame: how much is marked, and how well where the ground truth is known"],
];
const ICONS = {
  play: "M4 2.5v11l9-5.5z", pause: "M4 2.5h3v11H4zM9 2.5h3v11H9z", previous: "M3 3h2v10H3zM13 3v10L6 8z",
  next: "M11 3h2v10h-2zM3 3v10l7-5z", loud: "M2 6h2.500l3.500-3v10l-3.500-3H2zM10 5.500a3.500 3.500 0 0 1 0 5M11.500 3.500a6 6 0 0 1 0 9",
  muted: "M2 6h2.500l3.500-3v10l-3.500-3H2zM10.500 6l4 4M14.500 6l-4 4",
};

const icon = name => `<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`;
const clamp = (x, low, high) => Math.min(high, Math.max(low, x));
const escaped = words => String(words).replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);
const rgb = hex => [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16));
const share = x => `${(100 * x).toFixed(1)}\u00a0%`;
const seconds = x => `${x.toFixed(2)}\u00a0s`;
const surface = (width, height) => Object.assign(document.createElement("canvas"), { width, height });
const context = canvas => canvas.getContext("2d", { willReadFrequently: true });
const magma = Array.from({ length: 256 }, (_, i) => {
  const at = (i / 255) * (MAGMA.length - 1), k = Math.min(MAGMA.length - 2, Math.floor(at));
  const [a, b] = [rgb(MAGMA[k]), rgb(MAGMA[k + 1])];
  return a.map((x, c) => x + (at - k) * (b[c] - x));
});

// ---- the page -------------------------------------------------------------------------------------------

const place = element.querySelector(".player-place");
place.innerHTML = `
<div class="player" role="group" tabindex="-1" aria-label="Player: video, masks and sound on one timeline">
  <div class="pl-top">
    <div class="pl-picture">
      <div class="pl-frame"><video playsinline preload="auto"></video><canvas></canvas></div>
      <p class="pl-empty">Masks, sound and frames appear here on one timeline.</p>
    </div>
    <div class="pl-side">
      <div class="pl-head"><h2></h2><span></span></div>
      <table class="pl-classes"><thead></thead><tbody></tbody></table>
      <div class="pl-note"></div>
      <details class="pl-display" open><summary>Display: mask, opacity, threshold</summary>
        <div class="pl-label">Show as</div>
        <div class="pl-seg" role="group" aria-label="Show as">${Object.entries(STYLES)
          .map(([name, words]) => `<button type="button" data-style="${name}">${words}</button>`).join("")}</div>
        <div class="pl-sliders">
          <label>Opacity<output></output><input type="range" min="0" max="1" step="0.05" data-set="opacity"></label>
          <label>Threshold<output></output><input type="range" min="0" max="1" step="0.01" data-set="threshold"></label>
        </div>
        <div class="pl-checks">
          <label><input type="checkbox" data-set="truth">Ground truth</label>
          <label><input type="checkbox" data-set="errors">Errors</label>
          <label><input type="checkbox" data-set="captions">Captions</label>
          <label><input type="checkbox" data-set="benchmark">AVSBench palette</label>
        </div>
      </details>
      <div class="pl-keys"><span><kbd>Space</kbd> play</span><span><kbd>←</kbd> <kbd>→</kbd> frame</span>
        <span><kbd>1</kbd>–<kbd>7</kbd> class</span><span><kbd>M</kbd> mask</span><span><kbd>[</kbd> <kbd>]</kbd> opacity</span>
        <button type="button" data-do="help"><kbd>?</kbd> all keys</button></div>
      <div class="pl-help" role="dialog" aria-label="Keys" hidden><h3>Keys</h3><dl>${KEYS
        .map(([keys, words]) => `<dt>${keys.split(" ").map(k => (k === "–" ? k : `<kbd>${k}</kbd>`)).join(" ")}</dt><dd>${words}</dd>`)
        .join("")}</dl><button type="button" data-do="help">Close</button></div>
    </div>
  </div>
  <div class="pl-transport">
    <button type="button" class="pl-play" data-do="play" aria-label="Play">${icon("play")}</button>
    <button type="button" data-do="previous" aria-label="Previous frame">${icon("previous")}</button>
    <button type="button" data-do="next" aria-label="Next frame">${icon("next")}</button>
    <span class="pl-time"><b>0.00</b> / <span>0.00</span> s</span>
    <button type="button" data-do="mute" aria-label="Mute" aria-pressed="false">${icon("loud")}</button>
    <input type="range" min="0" max="1" step="0.05" value="1" data-set="volume" aria-label="Volume">
    <button type="button" data-do="speed" aria-label="Speed">1×</button>
    <button type="button" data-do="loop" aria-pressed="false">Loop</button>
    <span class="pl-legend"></span>
  </div>
  <div class="pl-timeline">
    <div class="pl-cursor"><div><span></span></div></div>
    <div class="pl-name">Frames<small></small></div><div class="pl-axis"></div><div class="pl-thumbs"></div>
    <div class="pl-name">Sound<small>log-mel</small></div>
    <div class="pl-axis">${FREQUENCIES.map(([words, at]) => `<span style="top:${100 * at}%;transform:translateY(-${100 * at}%)">${words}</span>`).join("")}</div>
    <div class="pl-sound" role="slider" tabindex="0" aria-label="Time" aria-valuemin="0"><img alt="" draggable="false"><span>silence</span><div class="pl-band" hidden></div></div>
    <div class="pl-name pl-heard">Heard<small>as composed</small></div><div class="pl-axis pl-heard"></div><div class="pl-lanes pl-heard"></div>
    <div class="pl-name">Mask<small>% of picture</small></div><div class="pl-axis pl-scale"></div>
    <div class="pl-bars"><canvas role="img"></canvas></div>
    <div></div><div class="pl-blank"></div><div class="pl-times"></div>
  </div>
  <details class="pl-numbers"><summary>All numbers as a table</summary><div></div></details>
  <div class="pl-live" aria-live="polite"></div>
</div>`;
const root = place.firstElementChild;
const find = selector => root.querySelector(selector);
const all = selector => [...root.querySelectorAll(selector)];
const video = find("video"), canvas = find(".pl-picture canvas"), bars = find(".pl-bars canvas");
const slider = find(".pl-sound"), timeline = find(".pl-timeline");
const phone = matchMedia("(max-width: 720px)");
const fold = () => (find(".pl-display").open = !phone.matches);
phone.addEventListener("change", fold);
fold();

// ---- what is shown --------------------------------------------------------------------------------------

const set = { style: "mask", opacity: 0.45, threshold: 0.5, truth: true, errors: false, captions: false, benchmark: false, mask: true };
let clip = null; // `about` of the value
let pack = null, counts = {}; // the pack's bytes, its tables
let hidden = new Set(); // class indices that are switched off
let frame = 0, moment = 0, told = -1, version = 0;
let decoded = new Map(), weight = 0; // frame -> bitmaps, oldest first
let thumbs = [];
let layerKey = "", layer = null, ahead = null; // ahead: the next frame's layer, made before it is due
let plot = null; // how the bars were drawn last

const isPrediction = () => clip?.shows === "prediction";
const isTruth = () => clip?.shows === "truth";
const hasTruth = () => isPrediction() && clip.parts.truth.some(Boolean);
const colour = c => (set.benchmark ? c.benchmark : c.colour);
const frames = () => clip?.times.length || 0;
const spanOf = i => [i / clip.fps, i === frames() - 1 ? clip.duration : (i + 1) / clip.fps];
const frameAt = t => clamp(Math.floor(t * clip.fps + 1e-6), 0, frames() - 1);
const level = () => Math.round(set.threshold * 100);

async function load() {
  const value = props.value, mine = ++version;
  video.pause();
  [clip, pack, counts, hidden, told] = [value?.about || null, null, {}, new Set(), -1];
  decoded.forEach(drop);
  [decoded, weight, thumbs, layerKey, ahead, plot] = [new Map(), 0, [], "", null, null];
  root.classList.toggle("pl-nothing", !clip);
  root.classList.toggle("pl-plain", clip?.shows === "nothing");
  if (!clip) return video.removeAttribute("src"), video.load();
  root.setAttribute("aria-label", `Player of ${clip.title}: video, masks and sound on one timeline`);
  frame = clip.frame;
  moment = frames() ? clip.times[frame] : 0;
  if (video.getAttribute("src") !== value.video.url) video.src = value.video.url;
  else place_video();
  if (isPrediction()) set.threshold = clip.threshold;
  skeleton();
  if (value.pack) {
    const bytes = await (await fetch(value.pack.url)).arrayBuffer();
    if (mine !== version) return; // another clip came meanwhile
    pack = bytes;
    for (const name of ["marked", "hits", "area"]) counts[name] = table(clip.parts[name]);
    URL.revokeObjectURL(slider.querySelector("img").src);
    slider.querySelector("img").src = URL.createObjectURL(blob(clip.parts.sound, "image/png"));
    await Promise.all(clip.parts.thumbs.map(async (thumb, i) => {
      thumbs[i].picture = await createImageBitmap(blob(thumb.piece, "image/jpeg"));
    }));
    if (mine !== version) return;
  }
  refresh();
}

const table = piece => piece && new Uint32Array(pack.slice(piece[0], piece[0] + piece[1]));
const blob = (piece, type) => new Blob([new Uint8Array(pack, piece[0], piece[1])], { type });

function skeleton() {
  const lanes = clip.lanes, plain = clip.shows === "nothing";
  find(".pl-name small").textContent = `${clip.fps} per s`;
  root.classList.toggle("pl-binary", clip.classes.length < 2);
  root.classList.toggle("pl-unheard", !lanes.length);
  slider.querySelector("span").hidden = !clip.silent;
  slider.setAttribute("aria-valuemax", clip.duration.toFixed(2));
  find(".pl-note").innerHTML = plain ? PROMISES.map(([name, words]) => `<dt>${name}</dt><dd>${words}</dd>`).join("") : "";
  all("[data-set=truth], [data-set=errors]").forEach(box => (box.parentElement.hidden = !hasTruth()));
  find("[data-set=threshold]").parentElement.hidden = !isPrediction();
  find("[data-style=heat]").hidden = !isPrediction();
  find(".pl-classes thead").innerHTML = `<tr><th>Class</th><th>share of frame</th>${isPrediction() ? "<th>mean p</th>" : ""}${hasTruth() ? "<th>IoU</th>" : ""}</tr>`;
  find(".pl-classes tbody").innerHTML = clip.classes.map((c, k) =>
    `<tr><td><button type="button" data-class="${c.index}" title="Show or hide${k < 7 ? `, key ${k + 1}` : ""}"><i></i>${escaped(c.name)}</button></td><td></td>${isPrediction() ? "<td></td>" : ""}${hasTruth() ? "<td></td>" : ""}</tr>`).join("");
  find(".pl-lanes").innerHTML = lanes.map(lane => `<div class="${lane.inside ? "" : "hollow"}">${lane.spans.map(([a, b]) =>
    `<i style="left:${(100 * a) / clip.duration}%;width:${(100 * (b - a)) / clip.duration}%"></i>`).join("")}<span style="left:${(100 * lane.spans[0][0]) / clip.duration}%">${escaped(lane.name)}${lane.inside ? "" : ", not in the picture"}</span></div>`).join("");
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60].find(s => clip.duration / s <= 8) || 120, ticks = [];
  for (let t = 0; t <= clip.duration + 1e-6; t += step) {
    const at = (100 * t) / clip.duration;
    ticks.push(`<span style="left:${at}%;transform:translateX(-${at}%)">${+t.toFixed(2)} s</span>`);
  }
  find(".pl-times").innerHTML = ticks.join("");
  thumbs = (clip.parts?.thumbs || []).map(thumb => {
    const view = surface(1, 1), [from] = spanOf(thumb.first), [, to] = spanOf(thumb.last);
    return { ...thumb, view, from, to, picture: null };
  });
  find(".pl-thumbs").replaceChildren(...thumbs.map(thumb => {
    const box = document.createElement("div");
    box.style.cssText = `left:${(100 * thumb.from) / clip.duration}%;width:${(100 * (thumb.to - thumb.from)) / clip.duration}%`;
    box.append(thumb.view);
    return box;
  }));
  find(".pl-numbers").open = false;
  find(".pl-band").hidden = true;
  slider.title = props.ranged ? "Click: go there. Drag: choose what is segmented next." : "";
}

// ---- masks ----------------------------------------------------------------------------------------------

async function decode(index) {
  if (decoded.has(index) || !pack) return;
  decoded.set(index, null);
  const mine = version, parts = clip.parts;
  const opened = await Promise.all([parts.probability, parts.labels, parts.truth].map(pieces => {
    const exact = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
    return pieces[index] ? createImageBitmap(blob(pieces[index], "image/png"), exact) : null;
  }));
  if (mine !== version) return;
  decoded.set(index, opened);
  weight += bytesOf(opened);
  for (const [old, held] of decoded) { // the oldest go first, but never what a thumbnail needs
    if (weight < KEPT) break;
    if (held && old !== index && !thumbs.some(thumb => thumb.frame === old)) drop(held, decoded.delete(old));
  }
  if (index === frame) draw();
  if (index === frame + 1) prepare();
  if (thumbs.some(thumb => thumb.frame === index)) later(drawThumbs);
}

const bytesOf = maps => maps.reduce((sum, map) => sum + (map ? 4 * map.width * map.height : 0), 0);

function drop(maps) {
  if (!maps) return;
  weight -= bytesOf(maps);
  maps.forEach(map => map?.close());
}

const scratch = surface(1, 1);

function values(bitmap, width, height, smooth) {
  // The red channel of a map at width x height; probabilities are blended, classes never.
  Object.assign(scratch, { width, height });
  const pen = context(scratch);
  pen.imageSmoothingEnabled = smooth;
  pen.drawImage(bitmap, 0, 0, width, height);
  return pen.getImageData(0, 0, width, height).data;
}

function compose(index, width, height) {
  // The mask of a frame as a canvas, and where each class stands in it; null until it is decoded.
  const maps = decoded.get(index);
  if (!maps) return decode(index), null;
  const [probability, labels, truth] = maps, size = width * height;
  const red = probability && values(probability, width, height, true), p = red && new Uint8Array(size);
  const l = labels && values(labels, width, height, false);
  const t = truth && values(truth, width, height, false);
  const slot = new Uint8Array(256);
  clip.classes.forEach((c, k) => { if (!hidden.has(c.index)) slot[c.index] = k + 1; });
  const found = new Uint8Array(size), real = t && new Uint8Array(size), bar = 255 * set.threshold;
  for (let i = 0; i < size; i++) {
    if (real) real[i] = slot[t[4 * i]];
    if (p) p[i] = red[4 * i];
    if (!set.mask) continue;
    if (p) found[i] = p[i] > bar ? (l ? slot[l[4 * i]] : slot[1]) : 0;
    else if (real) found[i] = real[i];
  }
  const image = new ImageData(width, height);
  const paint = painter(image.data, width, height);
  if (set.errors && real && p) paint.errors(found, real);
  else if (set.mask) paint[set.style](found, p);
  if (set.truth && !set.errors && real && p) paint.truth(real);
  const view = surface(width, height);
  view.getContext("2d").putImageData(image, 0, 0);
  return { view, spots: set.captions ? spotsOf(found, width) : [] };
}

const bytes = new Uint8ClampedArray(4), bytesAsWord = new Uint32Array(bytes.buffer);

function word([r, g, b], alpha) { // a pixel of ImageData as one number, in this machine's order
  bytes.set([r, g, b, 255 * alpha]);
  return bytesAsWord[0];
}

function painter(data, width, height) {
  const put = (i, [r, g, b], alpha) => { // over what is there
    const at = 4 * i, below = (data[at + 3] / 255) * (1 - alpha), sum = alpha + below;
    if (!sum) return;
    data[at] = (r * alpha + data[at] * below) / sum;
    data[at + 1] = (g * alpha + data[at + 1] * below) / sum;
    data[at + 2] = (b * alpha + data[at + 2] * below) / sum;
    data[at + 3] = 255 * sum;
  };
  const colours = clip.classes.map(c => rgb(colour(c)));
  const hatched = clip.classes.map(c => colour(c) === GREY);
  const edges = (map, each) => { // both sides of every border; corners count half, which smooths the line
    for (let y = 0, i = 0; y < height; y++) for (let x = 0; x < width; x++, i++) {
      const m = map[i], left = x ? map[i - 1] : m, right = x < width - 1 ? map[i + 1] : m;
      const up = y ? map[i - width] : m, down = y < height - 1 ? map[i + width] : m;
      if (left !== m || right !== m || up !== m || down !== m) each(i, m || left || right || up || down, 1);
      else if (!m && x && y && x < width - 1 && y < height - 1) {
        const corner = map[i - width - 1] || map[i - width + 1] || map[i + width - 1] || map[i + width + 1];
        if (corner) each(i, corner, 0.5);
      }
    }
  };
  const outline = map => edges(map, (i, m, alpha) => put(i, colours[m - 1], alpha));
  return {
    mask(map) {
      const pixels = new Uint32Array(data.buffer), words = [0, ...colours.map(c => word(c, set.opacity))];
      for (let i = 0; i < map.length; i++) {
        const m = map[i];
        if (m && !(hatched[m - 1] && ((i % width) + Math.floor(i / width)) % 8 > 2)) pixels[i] = words[m];
      }
      outline(map);
    },
    outline(map) {
      outline(map);
      outline(map); // twice: fuller corners
    },
    cutout(map) {
      const ground = document.body.classList.contains("dark") ? [0x10, 0x11, 0x14] : WHITE;
      const pixels = new Uint32Array(data.buffer), around = word(ground, 1 - (1 - set.opacity) ** 4);
      for (let i = 0; i < map.length; i++) if (!map[i]) pixels[i] = around;
    },
    heat(map, p) {
      const strength = Math.min(1, 2 * set.opacity);
      if (p) {
        const pixels = new Uint32Array(data.buffer);
        const words = magma.map((c, x) => word(c, 0.9 * strength * (0.15 + 0.85 * (x / 255))));
        for (let i = 0; i < p.length; i++) pixels[i] = words[p[i]];
      } else this.mask(map);
      outline(map);
    },
    truth(map) { // white, with a dark rim so that it shows on white
      const rim = new Uint8Array(map.length);
      edges(map, i => (rim[i] = 1));
      edges(rim, (i, m, alpha) => { if (!rim[i]) put(i, [0, 0, 0], 0.45 * alpha); });
      edges(map, (i, m, alpha) => put(i, WHITE, alpha));
    },
    errors(found, real) {
      for (let i = 0; i < found.length; i++) {
        if (found[i] && found[i] === real[i]) put(i, WHITE, 0.5);
        else if (found[i]) put(i, FALSE_ALARM, 0.8);
        else if (real[i]) put(i, MISS, 0.8);
      }
    },
  };
}

function spotsOf(map, width) {
  // For every class: how many pixels, their middle, and the highest one.
  const spots = clip.classes.map(c => ({ name: c.name, colour: colour(c), count: 0, x: 0, top: Infinity }));
  map.forEach((m, i) => {
    if (!m) return;
    const spot = spots[m - 1];
    spot.count++;
    spot.x += i % width;
    spot.top = Math.min(spot.top, Math.floor(i / width));
  });
  return spots.filter(spot => spot.count > map.length / 2000).map(spot => ({ ...spot, x: spot.x / spot.count }));
}

const keyOf = index => [version, index, canvas.width].join();

function layerOf(index) {
  const scale = Math.min(1, LAYER / Math.max(canvas.width, canvas.height));
  return compose(index, Math.round(canvas.width * scale), Math.round(canvas.height * scale));
}

const idle = window.requestIdleCallback || (job => setTimeout(job, 5));

function prepare() { // the next frame's layer, between two pictures of the video
  if (clip && !video.paused && frame + 1 < frames()) idle(() => {
    const next = frame + 1, key = keyOf(next);
    if (!clip || video.paused || next >= frames() || ahead?.key === key || !decoded.get(next)) return;
    ahead = { key, made: layerOf(next) };
  }, { timeout: 80 });
}

function draw() {
  const pen = canvas.getContext("2d");
  video.classList.toggle("pl-dim", set.style === "heat" && set.mask && !set.errors && isPrediction());
  if (!clip || !frames() || !video.videoWidth) return pen.clearRect(0, 0, canvas.width, canvas.height);
  const key = keyOf(frame);
  if (key !== layerKey) {
    const made = ahead?.key === key ? ahead.made : layerOf(frame);
    if (!made) return; // what stands there stays until this one is decoded
    [layer, layerKey] = [made, key];
  }
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(layer.view, 0, 0, canvas.width, canvas.height);
  const scale = canvas.width / layer.view.width;
  layer.spots.forEach(spot => caption(pen, spot, scale));
}

function caption(pen, spot, scale) {
  const size = Math.max(11, Math.round(canvas.height / 24)), pad = size * 0.45;
  pen.font = `${size}px "IBM Plex Sans", sans-serif`;
  const wide = pen.measureText(spot.name).width + 3 * pad + size * 0.7, tall = size * 1.6;
  const x = clamp(spot.x * scale - wide / 2, 2, canvas.width - wide - 2);
  const y = clamp(spot.top * scale - tall - 4, 2, canvas.height - tall - 2);
  pen.fillStyle = "rgba(16,17,20,.82)";
  pen.beginPath();
  pen.roundRect(x, y, wide, tall, 4);
  pen.fill();
  pen.fillStyle = spot.colour;
  pen.fillRect(x + pad, y + tall / 2 - size * 0.35, size * 0.7, size * 0.7);
  pen.fillStyle = "#fff";
  pen.textBaseline = "middle";
  pen.fillText(spot.name, x + 2 * pad + size * 0.7, y + tall / 2 + 1);
}

function drawThumbs() {
  for (const thumb of thumbs) {
    const { view, picture } = thumb;
    if (!picture) continue;
    const made = compose(thumb.frame, picture.width, picture.height);
    Object.assign(view, { width: picture.width, height: picture.height });
    const pen = view.getContext("2d");
    pen.filter = set.style === "heat" && set.mask && !set.errors && isPrediction() ? "grayscale(1) brightness(.55)" : "none";
    pen.drawImage(picture, 0, 0);
    pen.filter = "none";
    if (made) pen.drawImage(made.view, 0, 0);
  }
}

// ---- numbers --------------------------------------------------------------------------------------------

const K = () => clip.shape.classes;
const area = (i, k) => (counts.area && (!clip.parts.truth.length || clip.parts.truth[i]) ? counts.area[i * K() + k] / clip.shape.pixels : null);
const at = (name, i, k, n = level()) => counts[name][(i * K() + k) * LEVELS + n] / clip.shape.pixels;
const marked = (i, k) => (isTruth() ? area(i, k) || 0 : counts.marked ? at("marked", i, k) : 0);
const shown = i => clip.classes.reduce((sum, c, k) => sum + (hidden.has(c.index) ? 0 : marked(i, k)), 0);
const real = i => clip.classes.reduce((sum, c, k) => sum + (hidden.has(c.index) ? 0 : area(i, k) || 0), 0);

function mean(i, k) { // of the probability where it is above the threshold, to within a hundredth
  const from = level(), base = at("marked", i, k);
  if (!base) return "";
  let sum = 0;
  for (let n = from + 1; n < LEVELS; n++) sum += at("marked", i, k, n);
  return Math.min(1, from / 100 + (0.01 * sum) / base + 0.005).toFixed(2);
}

function iou(i, k) {
  const truth = area(i, k);
  if (truth === null) return "no label";
  const union = marked(i, k) + truth - at("hits", i, k);
  return union ? (at("hits", i, k) / union).toFixed(2) : "empty";
}

function drawSide() {
  if (!frames()) {
    find(".pl-head h2").textContent = clip?.title || "";
    return (find(".pl-head span").textContent = clip ? `${clip.duration.toFixed(1)} s` : "");
  }
  find(".pl-head h2").textContent = `Frame ${frame + 1}`;
  find(".pl-head span").textContent = `of ${frames()}, at ${seconds(clip.times[frame])}`;
  if (!counts.marked && !counts.area) return;
  all(".pl-classes tbody tr").forEach((row, k) => {
    const cells = [share(marked(frame, k))];
    if (isPrediction()) cells.push(mean(frame, k));
    if (hasTruth()) cells.push(iou(frame, k));
    cells.forEach((words, n) => (row.children[n + 1].textContent = words));
    row.classList.toggle("empty", marked(frame, k) < 0.0005);
  });
}

function drawBar(i) { // one of them, as the last `drawBars` did
  const { pen, ratio, top, truth, edge, ink } = plot, { width, height } = bars, gap = frames() > 60 ? 0 : 1.5 * ratio;
  const [from, to] = spanOf(i).map(t => Math.round((t / clip.duration) * width));
  const x = from + gap, wide = Math.max(1, to - from - 2 * gap);
  pen.clearRect(from, 0, to - from, height);
  let y = height;
  pen.globalAlpha = i === frame ? 1 : 0.72;
  clip.classes.forEach((c, k) => {
    if (hidden.has(c.index)) return;
    const tall = (marked(i, k) / top) * height;
    pen.fillStyle = colour(c);
    pen.fillRect(x, y - tall, wide, tall);
    if (edge && tall > 2 && ["#F0E442", "#56B4E9"].includes(colour(c))) { // pale on white
      pen.strokeStyle = edge;
      pen.strokeRect(x + 0.5, y - tall + 0.5, wide - 1, tall - 1);
    }
    y -= tall;
  });
  pen.globalAlpha = 1;
  if (!truth || !clip.parts.truth[i]) return;
  pen.fillStyle = ink;
  pen.fillRect(x, clamp(height - (real(i) / top) * height - ratio, 0, height - 2 * ratio), wide, 2 * ratio);
}

function drawBars() {
  if (!pack) return;
  const row = find(".pl-thumbs"); // as high as its pictures, within reason
  const tall = (row.clientWidth / thumbs.length) * (video.videoHeight / video.videoWidth || 0.56);
  row.style.height = `${clamp(tall, 30, 68)}px`;
  const ratio = devicePixelRatio || 1, box = bars.parentElement;
  Object.assign(bars, { width: Math.round(box.clientWidth * ratio), height: Math.round(box.clientHeight * ratio) });
  const style = getComputedStyle(root), truth = hasTruth() && set.truth;
  let most = 0;
  for (let i = 0; i < frames(); i++) most = Math.max(most, shown(i), truth ? real(i) : 0);
  const top = SCALES.find(scale => scale >= most) || 1;
  find(".pl-scale").innerHTML = [[top, 0], [top / 2, 50], [0, 100]]
    .map(([x, y]) => `<span style="top:${y}%;transform:translateY(-${y}%)">${+(100 * x).toFixed(1)}</span>`).join("");
  const edge = document.body.classList.contains("dark") ? null : style.getPropertyValue("--ink-3").trim();
  plot = { pen: bars.getContext("2d"), ratio, top, truth, edge, ink: style.getPropertyValue("--ink").trim() };
  for (let i = 0; i < frames(); i++) drawBar(i);
  const full = clip.times.filter((_, i) => shown(i) >= 0.0005).length;
  bars.setAttribute("aria-label", `Marked in ${full} of ${frames()} frames, at most ${share(Math.max(...clip.times.map((_, i) => shown(i))))} of the picture`);
}

function drawNumbers() {
  const box = find(".pl-numbers");
  if (!box.open || !pack) return;
  const heads = clip.classes.map(c => `<th>${escaped(c.name)}</th>${hasTruth() ? "<th>ground truth</th><th>IoU</th>" : ""}`);
  const rows = clip.times.map((t, i) => `<tr><td>${i + 1}</td><td>${seconds(t)}</td>${clip.classes.map((c, k) =>
    `<td>${share(marked(i, k))}</td>${hasTruth() ? `<td>${area(i, k) === null ? "" : share(area(i, k))}</td><td>${iou(i, k)}</td>` : ""}`).join("")}</tr>`);
  box.lastElementChild.innerHTML = `<table><tr><th>Frame</th><th>at</th>${heads.join("")}</tr>${rows.join("")}</table>`;
}

// ---- controls -------------------------------------------------------------------------------------------

const waiting = new Set();

function later(job) { // once before the next picture, however often it is asked for
  if (waiting.has(job)) return;
  waiting.add(job);
  requestAnimationFrame(() => (waiting.delete(job), clip && job()));
}

function refresh() { // after any setting
  if (!clip) return;
  [layerKey, ahead] = ["", null];
  all("[data-style]").forEach(button => button.setAttribute("aria-pressed", button.dataset.style === set.style));
  all("[data-set]").forEach(input => {
    const value = input.dataset.set === "volume" ? video.volume : set[input.dataset.set];
    if (input.type === "checkbox") input.checked = value;
    else input.value = value;
    if (input.type === "range") input.style.setProperty("--v", `${100 * value}%`);
    const output = input.parentElement.querySelector("output");
    if (output) output.textContent = value.toFixed(2);
  });
  all("[data-class]").forEach((button, k) => {
    button.setAttribute("aria-pressed", !hidden.has(clip.classes[k].index));
    button.firstElementChild.style.background = colour(clip.classes[k]);
  });
  root.dataset.mask = set.mask;
  const keys = [];
  if (hasTruth() && set.errors) keys.push(["hit", "hit"], ["alarm", "false alarm"], ["miss", "miss"]);
  else if (hasTruth() && set.truth) keys.push(["line", "ground truth"]);
  if (isTruth()) keys.push(["", "marked: ground truth"]);
  if (!set.mask && clip.shows !== "nothing") keys.push(["", "mask is off, M shows it"]);
  find(".pl-legend").innerHTML = keys.map(([kind, words]) => `<span>${kind ? `<i class="${kind}"></i>` : ""}${words}</span>`).join("");
  show(moment, true);
  later(drawThumbs);
}

function show(t, anew = false) {
  // Bring everything to a moment of the clip.
  if (!clip) return;
  moment = clamp(t, 0, clip.duration);
  find(".pl-cursor div").style.left = `${(100 * moment) / clip.duration}%`;
  find(".pl-cursor span").textContent = seconds(moment);
  find(".pl-time b").textContent = moment.toFixed(2);
  find(".pl-time span").textContent = clip.duration.toFixed(2);
  const next = frames() ? frameAt(moment) : 0;
  if (next !== frame || anew) {
    const before = frame;
    frame = next;
    root.dataset.frame = frame;
    thumbs.forEach((thumb, i) => find(".pl-thumbs").children[i].classList.toggle("on", thumb.first <= frame && frame <= thumb.last));
    drawSide();
    if (anew || !plot) later(drawBars), drawNumbers();
    else drawBar(before), drawBar(frame);
  }
  if (video.paused) {
    slider.setAttribute("aria-valuenow", moment.toFixed(2));
    slider.setAttribute("aria-valuetext", `${moment.toFixed(2)} seconds${frames() ? `, frame ${frame + 1} of ${frames()}` : ""}`);
  }
  draw();
  for (const more of video.paused ? [] : [1, 2, 3]) if (frame + more < frames()) decode(frame + more);
  prepare();
}

function move(t) {
  const to = clamp(t, 0, Math.max(0, clip.duration - 0.01));
  video.currentTime = clip.start + to;
  show(to);
}

function seek(t) {
  if (!clip) return;
  move(t);
  tell();
  together("move", moment);
}

const toFrame = i => frames() && seek(clip.times[clamp(i, 0, frames() - 1)]);
let telling = 0;

function tell() { // once it rests, and never while it plays
  clearTimeout(telling);
  telling = setTimeout(() => {
    if (!clip || !frames() || !video.paused || frame === told) return;
    told = frame;
    find(".pl-live").textContent = `Frame ${frame + 1}, ${moment.toFixed(2)} seconds, ${share(shown(frame))} of the picture marked`;
    trigger("seek", { frame });
  }, 200);
}

function play() {
  if (!clip) return;
  if (!video.paused) return video.pause(), together("rest", moment);
  if (moment >= clip.duration - 0.05) seek(0);
  start();
  leading = true;
  if (hushed) video.muted = hushed = false;
  together("run", moment);
}

const start = () => video.play().catch(() => {}); // the browser may want a click first

// Players with the same `together` move as one; only the one that was started is heard.
let leading = true, hushed = false, said = 0; // hushed: muted for another's sake; said: when the time was told

const together = (what, value) => props.together &&
  document.dispatchEvent(new CustomEvent("player-together", { detail: { name: props.together, from: root, what, value } }));

const follow = {
  move, rest: t => (video.pause(), move(t)), run: t => ((leading = false), hush(), move(t), start()), hush,
  at: t => (video.paused ? start() : Math.abs(video.currentTime - clip.start - t) > 0.1 && (video.currentTime = clip.start + t)),
  speed: rate => (video.playbackRate = rate),
  loop: on => (on ? (root.dataset.loop = on) : delete root.dataset.loop),
};

function hush() {
  if (!video.muted) video.muted = hushed = true;
}

document.addEventListener("player-together", function hear({ detail }) {
  if (!root.isConnected) return document.removeEventListener("player-together", hear);
  if (clip && detail.name === props.together && detail.from !== root) follow[detail.what](detail.value);
});

function step() { // at every picture that is presented, 24 to 60 times a second
  video.requestVideoFrameCallback ? video.requestVideoFrameCallback(step) : requestAnimationFrame(step);
  if (!clip || video.paused) return;
  const t = video.currentTime - clip.start;
  if (leading && performance.now() - said > 1000) [said] = [performance.now(), together("at", t)];
  if (t < clip.duration - 0.02) return show(t);
  if (root.dataset.loop) return seek(0);
  video.pause();
  show(clip.duration);
}

function place_video() {
  const rested = clip && Math.abs(video.currentTime - clip.start - moment) > 0.01;
  if (rested) video.currentTime = clip.start + moment;
}

function change(name, value) {
  if (name === "volume") [video.volume, video.muted] = [value, false];
  else set[name] = typeof value === "number" ? clamp(Math.round(100 * value) / 100, 0, 1) : value;
  if (name === "errors" && value) set.mask = true;
  refresh();
}

function toggleClass(k) {
  const index = clip?.classes[k]?.index;
  if (index === undefined) return;
  hidden.has(index) ? hidden.delete(index) : hidden.add(index);
  refresh();
}

function help(open) { // the focus goes into the list of keys, and back
  const list = find(".pl-help");
  if (list.hidden !== open) return;
  list.hidden = !open;
  (open ? list.querySelector("button") : root).focus({ preventScroll: true });
}

const actions = {
  play, previous: () => toFrame(frame - 1), next: () => toFrame(frame + 1),
  mute: () => ((video.muted = !video.muted), (hushed = false), video.muted || together("hush")),
  loop: () => (follow.loop(root.dataset.loop ? "" : "on"), together("loop", root.dataset.loop)),
  speed: () => (follow.speed({ 1: 0.5, 0.5: 0.25, 0.25: 2, 2: 1 }[video.playbackRate]), together("speed", video.playbackRate)),
  help: () => help(find(".pl-help").hidden),
};

const shortcuts = {
  " ": play, Home: () => toFrame(0), End: () => toFrame(frames() - 1),
  "[": () => change("opacity", set.opacity - 0.05), "]": () => change("opacity", set.opacity + 0.05),
  ",": () => isPrediction() && change("threshold", set.threshold - 0.02),
  ".": () => isPrediction() && change("threshold", set.threshold + 0.02),
  m: () => change("mask", !set.mask),
  g: () => hasTruth() && change("truth", !set.truth), e: () => hasTruth() && change("errors", !set.errors),
  "?": actions.help, Escape: () => help(false),
};

function onKey(event) {
  if (!clip || event.ctrlKey || event.metaKey || event.altKey) return;
  const on = event.target, key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const own = { " ": "button, summary, input[type=checkbox]", ArrowLeft: "input", ArrowRight: "input", Home: "input", End: "input" };
  if (own[key] && on.matches(own[key])) return; // the control's own keys stay its own
  if (key.startsWith("Arrow") && key.length > 7) {
    const way = key === "ArrowLeft" ? -1 : key === "ArrowRight" ? 1 : 0;
    if (!way) return;
    event.shiftKey || !frames() ? seek(moment + way) : toFrame(frame + way);
  } else if (/^[1-7]$/.test(key)) toggleClass(key - 1);
  else if (shortcuts[key]) shortcuts[key]();
  else return;
  event.preventDefault();
}

root.addEventListener("keydown", onKey);
root.addEventListener("input", event => {
  const input = event.target, name = input.dataset.set;
  if (name) change(name, input.type === "checkbox" ? input.checked : +input.value);
});
root.addEventListener("click", event => {
  const button = event.target.closest("button");
  if (button?.dataset.do) actions[button.dataset.do]();
  if (button?.dataset.style) change("style", button.dataset.style);
  if (button?.dataset.class) toggleClass(clip.classes.findIndex(c => c.index === +button.dataset.class));
  // After the mouse the keys belong to the player again, so that Space plays.
  if (button && event.detail) root.focus({ preventScroll: true });
});
find(".pl-picture").addEventListener("click", () => (play(), root.focus({ preventScroll: true })));
find(".pl-numbers").addEventListener("toggle", drawNumbers);

const timeOf = event => {
  const box = slider.getBoundingClientRect();
  return ((event.clientX - box.left) / box.width) * clip.duration;
};
const band = find(".pl-band");
let grip = null; // where a drag over the sound began

function span(from, to) { // mark a part of the sound; nothing without two moments
  band.hidden = from === undefined;
  if (band.hidden) return;
  band.style.left = `${(100 * from) / clip.duration}%`;
  band.style.width = `${(100 * (to - from)) / clip.duration}%`;
  band.innerHTML = `<b>${from.toFixed(1)} – ${to.toFixed(1)}\u00a0s</b>`;
}

const spanTo = event => {
  const tenth = t => Math.round(10 * clamp(t, 0, clip.duration)) / 10;
  return [grip.time, timeOf(event)].sort((a, b) => a - b).map(tenth);
};
for (const strip of [slider, find(".pl-bars")]) {
  const ranged = strip === slider && props.ranged;
  strip.addEventListener("pointerdown", event => {
    if (!clip || event.button) return;
    strip.setPointerCapture(event.pointerId);
    if (ranged) span(), (grip = { x: event.clientX, time: timeOf(event), far: false });
    if (strip === slider) seek(timeOf(event));
  });
  strip.addEventListener("pointermove", event => {
    if (!clip || !strip.hasPointerCapture(event.pointerId)) return;
    if (!ranged) return strip === slider || frames() ? seek(timeOf(event)) : undefined;
    grip.far ||= Math.abs(event.clientX - grip.x) > 6;
    if (grip.far) span(...spanTo(event));
  });
  strip.addEventListener("pointerup", event => {
    if (!ranged || !grip?.far) return;
    const [from, to] = spanTo(event);
    grip = null;
    to - from >= 0.1 ? trigger("range", { from, to }) : span();
  });
}
for (const row of [find(".pl-thumbs"), find(".pl-bars")]) {
  row.addEventListener("click", event => {
    const index = frames() && frameAt(clamp(timeOf(event), 0, clip.duration)), thumb = event.target.closest(".pl-thumbs > div");
    toFrame(thumb ? thumbs[[...row.children].indexOf(thumb)].frame : index);
    slider.focus({ preventScroll: true });
  });
}

video.addEventListener("loadedmetadata", () => {
  Object.assign(canvas, { width: video.videoWidth, height: video.videoHeight });
  find(".pl-frame").style.aspectRatio = `${video.videoWidth} / ${video.videoHeight}`;
  find(".pl-frame").style.setProperty("--ratio", video.videoWidth / video.videoHeight);
  place_video();
  draw();
});
for (const name of ["play", "pause"]) {
  video.addEventListener(name, () => {
    const button = find(".pl-play");
    button.innerHTML = icon(video.paused ? "play" : "pause");
    button.setAttribute("aria-label", video.paused ? "Play" : "Pause");
    if (clip) show(moment), video.paused && tell();
  });
}
video.addEventListener("ended", () => (root.dataset.loop ? (seek(0), video.play()) : clip && show(clip.duration)));
video.addEventListener("volumechange", () => {
  const button = find("[data-do=mute]");
  button.innerHTML = icon(video.muted ? "muted" : "loud");
  button.setAttribute("aria-pressed", video.muted);
});
video.addEventListener("ratechange", () => (find("[data-do=speed]").textContent = `${video.playbackRate}×`));
new MutationObserver(() => find("[data-do=loop]").setAttribute("aria-pressed", Boolean(root.dataset.loop)))
  .observe(root, { attributeFilter: ["data-loop"] });
new ResizeObserver(() => {
  root.classList.toggle("pl-narrow", root.clientWidth < 760);
  if (clip) later(drawBars);
}).observe(root);
new MutationObserver(() => clip && refresh()).observe(document.body, { attributeFilter: ["class"] }); // light, dark
// Sound does not go on behind another tab.
new IntersectionObserver(([entry]) => entry.boundingClientRect.width || video.pause()).observe(root);
step();
watch("value", load);
watch("at", () => props.at && toFrame(props.at[0])); // [frame, when it was said]
load();
