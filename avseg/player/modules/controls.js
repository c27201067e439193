// Playing, seeking, keys and dragging; it starts the player. `together`: players of that name move as one.

let reported = -1, reporting = 0; // the frame that the last `seek` event named, and the timer of the next one
let leading = true, hushed = false, sent = 0; // leading: the player that was started; hushed: muted for another's sake

function move(t) {
  const to = clamp(t, 0, Math.max(0, clip.duration - 0.01));
  video.currentTime = clip.start + to;
  show(to);
}

function seek(t) {
  if (!clip) return;
  untouched = false;
  move(t);
  report();
  broadcast("move", moment);
}

const seekFrame = i => frames() && seek(clip.times[clamp(i, 0, frames() - 1)]);

function report() { // once the frame rests, and never while the video plays
  clearTimeout(reporting);
  reporting = setTimeout(() => {
    // Where playing stopped by itself, nobody chose the frame.
    if (!clip || !frames() || !video.paused || video.ended || frame === reported) return;
    reported = frame;
    find(".pl-live").textContent =
      words("Frame {n}, {s} seconds, foreground {share} of the frame",
        { n: frame + 1, s: moment.toFixed(2), share: percent(predicted(frame)) });
    trigger("seek", { frame });
  }, 200);
}

function setPlaying(on) {
  const button = find(".pl-play");
  button.toggleAttribute("data-playing", on);
  button.setAttribute("aria-label", words(on ? "Pause" : "Play"));
}

const start = () => video.play().catch(() => {}); // the browser may want a click first

function play() {
  if (!clip) return;
  if (!video.paused) return video.pause(), broadcast("rest", moment);
  if (untouched || moment >= clip.duration - 0.05) seek(0);
  start();
  leading = true;
  if (hushed) (hushed = false), setQuiet(false);
  broadcast("run", moment);
}

const broadcast = (what, value) => props.together && document.dispatchEvent(
  new CustomEvent("player-together", { detail: { name: props.together, from: root, what, value } }));

function hush() { // only the player that was started is audible
  if (!quiet) (hushed = true), setQuiet(true);
}

function setLoop(on) {
  on ? (root.dataset.loop = on) : delete root.dataset.loop;
  find("[data-do=loop]").setAttribute("aria-pressed", Boolean(on));
}

function keepTime(t) { // of the leading player
  if (video.paused) start();
  else if (Math.abs(video.currentTime - clip.start - t) > 0.1) video.currentTime = clip.start + t;
}

const follow = {
  move, hush, at: keepTime, loop: setLoop, rest: t => (video.pause(), move(t)),
  run: t => ((leading = false), hush(), move(t), start()), speed: rate => (video.playbackRate = rate),
};

document.addEventListener("player-together", function onTogether({ detail }) {
  if (!root.isConnected) return document.removeEventListener("player-together", onTogether);
  if (clip && detail.name === props.together && detail.from !== root) follow[detail.what](detail.value);
});

function step() { // at every presented picture, 24 to 60 times a second
  video.requestVideoFrameCallback ? video.requestVideoFrameCallback(step) : requestAnimationFrame(step);
  if (!clip || video.paused) return;
  keepBeside();
  const t = video.currentTime - clip.start;
  if (leading && performance.now() - sent > 1000) [sent] = [performance.now(), broadcast("at", t)];
  if (t < clip.duration - 0.02) return show(t);
  if (root.dataset.loop) return seek(0);
  video.pause();
  show(clip.duration);
}

function restore() { // the video's time after it was loaded
  if (clip && Math.abs(video.currentTime - clip.start - moment) > 0.01) video.currentTime = clip.start + moment;
}

function change(name, value) {
  if (name === "volume") [video.volume, other.volume] = [value, value], setQuiet(false);
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

const isPresented = () => document.body.classList.contains("presenting"); // components/toolbar.js

const actions = {
  play, reload, help: () => help(find(".pl-help").hidden),
  previous: () => seekFrame(frame - 1), next: () => seekFrame(frame + 1),
  mute: () => (setQuiet(!quiet), (hushed = false), quiet || broadcast("hush")),
  loop: () => (setLoop(root.dataset.loop ? "" : "on"), broadcast("loop", root.dataset.loop)),
  speed: () => {
    video.playbackRate = { 1: 0.5, 0.5: 0.25, 0.25: 2, 2: 1 }[video.playbackRate];
    broadcast("speed", video.playbackRate);
  },
};

const shortcuts = {
  " ": play, "?": actions.help, Escape: () => help(false), Home: () => seekFrame(0), End: () => seekFrame(frames() - 1),
  "[": () => change("opacity", set.opacity - 0.05), "]": () => change("opacity", set.opacity + 0.05),
  ",": () => hasThreshold() && change("threshold", set.threshold - 0.02),
  ".": () => hasThreshold() && change("threshold", set.threshold + 0.02), m: () => change("mask", !set.mask),
  g: () => hasTruth() && change("truth", !set.truth), e: () => hasTruth() && change("errors", !set.errors),
  s: () => sounds.length && swap((sound + 1) % sounds.length),
};
const OWN_KEYS = { // which controls keep a key for themselves
  " ": "button, summary, input[type=checkbox]", ArrowLeft: "input", ArrowRight: "input", Home: "input", End: "input",
};

root.addEventListener("keydown", event => {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const direction = { ArrowLeft: -1, ArrowRight: 1 }[key];
  if (!clip || event.ctrlKey || event.metaKey || event.altKey) return;
  if (OWN_KEYS[key] && event.target.matches(OWN_KEYS[key])) return;
  if (direction) event.shiftKey || !frames() ? seek(moment + direction) : seekFrame(frame + direction);
  else if (/^[1-7]$/.test(key)) isPresented() && sounds[key - 1] ? swap(key - 1) : toggleClass(key - 1);
  else if (shortcuts[key]) shortcuts[key]();
  else return;
  event.preventDefault();
});
root.addEventListener("input", ({ target }) => {
  if (target.dataset.set) change(target.dataset.set, target.type === "checkbox" ? target.checked : +target.value);
});
root.addEventListener("click", event => {
  const button = event.target.closest("button"), { do: action, style, class: index, sound: k } = button?.dataset || {};
  if (action) actions[action]();
  if (style) change("style", style);
  if (k) swap(+k);
  if (index) toggleClass(clip.classes.findIndex(c => c.index === +index));
  // After the mouse the keys belong to the player again, so that Space plays.
  if (button && event.detail) root.focus({ preventScroll: true });
});
find(".pl-picture").addEventListener("click", event => {
  if (!event.target.closest("button")) play(), root.focus({ preventScroll: true });
});
find(".pl-numbers").addEventListener("toggle", drawNumbers);

const timeOf = event => {
  const box = slider.getBoundingClientRect();
  return ((event.clientX - box.left) / box.width) * clip.duration;
};
const band = find(".pl-band"), barsBox = find(".pl-bars");
let grip = null; // where a drag over the sound began

function select(from, to) { // mark a range over the sound; none without two moments
  band.hidden = from === undefined;
  if (band.hidden) return;
  band.style.left = `${atPercent(from, clip.duration)}%`;
  band.style.width = `${atPercent(to - from, clip.duration)}%`;
  band.innerHTML = `<b>${from.toFixed(1)} – ${to.toFixed(1)}\u00a0s</b>`;
}

for (const strip of [slider, barsBox]) {
  const ranged = strip === slider && props.ranged, range = event => rangeOf(grip.time, timeOf(event), clip.duration);
  strip.addEventListener("pointerdown", event => {
    if (!clip || event.button) return;
    strip.setPointerCapture(event.pointerId);
    if (ranged) select(), (grip = { x: event.clientX, time: timeOf(event), far: false });
    if (strip === slider) seek(timeOf(event));
  });
  strip.addEventListener("pointermove", event => {
    if (!clip || !strip.hasPointerCapture(event.pointerId)) return;
    if (!ranged) return strip === slider || frames() ? seek(timeOf(event)) : undefined;
    grip.far ||= Math.abs(event.clientX - grip.x) > 6;
    if (grip.far) select(...range(event));
  });
  strip.addEventListener("pointerup", event => {
    if (!ranged || !grip?.far) return;
    const [from, to] = range(event);
    grip = null;
    to - from >= 0.1 ? trigger("range", { from, to }) : select();
  });
}
for (const row of [find(".pl-thumbs"), barsBox]) row.addEventListener("click", event => {
  const box = event.target.closest(".pl-thumbs > div"), at = clamp(timeOf(event), 0, clip.duration);
  seekFrame(box ? thumbs[[...row.children].indexOf(box)].frame : frames() && frameAt(at, clip));
  slider.focus({ preventScroll: true });
});

video.addEventListener("loadedmetadata", () => {
  const { videoWidth: width, videoHeight: height } = video, box = find(".pl-frame");
  Object.assign(canvas, { width, height });
  box.style.aspectRatio = `${width} / ${height}`;
  box.style.setProperty("--ratio", width / height);
  restore();
  draw();
});
for (const name of ["play", "pause"]) video.addEventListener(name, () => {
  setPlaying(!video.paused);
  untouched = false;
  keepBeside();
  if (clip) show(moment), video.paused && report();
});
video.addEventListener("error", () => video.hasAttribute("src") && root.classList.add("pl-lost"));
video.addEventListener("ended", () => (root.dataset.loop ? (seek(0), video.play()) : clip && show(clip.duration)));
video.addEventListener("volumechange", () => isReplaced() || quiet === video.muted || setQuiet(video.muted));
video.addEventListener("ratechange", () => (find("[data-do=speed]").textContent = `${video.playbackRate}×`));

const phone = matchMedia("(max-width: 720px)");
const fold = () => (find(".pl-display").open = !phone.matches && !root.closest(".pl-compact"));
phone.addEventListener("change", fold);
fold();
new ResizeObserver(() => {
  root.classList.toggle("pl-narrow", root.clientWidth < 760);
  if (clip) later(drawBars);
}).observe(root);
new MutationObserver(() => clip && refresh()).observe(document.body, { attributeFilter: ["class"] }); // light, dark
// The sound stops when another tab is opened.
new IntersectionObserver(([entry]) => entry.boundingClientRect.width || video.pause()).observe(root);
step();
watch("value", load);
watch("at", () => props.at && seekFrame(props.at[0])); // [frame, time of the request]
load();

function reload() { // after the connection was down
  video.removeAttribute("src");
  load();
}
