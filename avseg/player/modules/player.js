// One player. Gradio runs the modules as one function body per player, with `element`, `props`, `trigger`, `watch`.
// Per clip it fetches the video and the pack; every setting is then computed here, so none asks the server.

const LAYER = 960; // longest side at which masks are painted; the canvas has the video's size
const GREY = "#8F939D"; // the colour of classes beyond the palette, drawn with stripes

const place = element.querySelector(".player-place");
place.innerHTML = TEMPLATE;
const root = place.firstElementChild;
const find = selector => root.querySelector(selector);
const all = selector => [...root.querySelectorAll(selector)];
const video = find("video"), canvas = find(".pl-picture canvas");
const bars = find(".pl-bars canvas"), slider = find(".pl-sound");

const set = {
  style: "mask", opacity: 0.45, threshold: 0.5,
  mask: true, truth: true, errors: false, captions: false, benchmark: false,
};
let clip = null; // `about` of the value
let counts = {}, cache = null, hidden = new Set(); // of the clip's pack; hidden: indices of classes
let frame = 0, moment = 0, version = 0, untouched = true; // nobody has gone to a moment of the clip
let thumbs = [], layer = null, layerKey = "", ahead = null; // ahead: the next frame's layer, painted before it is due
let plot = null; // how the bars were drawn last

const isPrediction = () => clip?.shows === "prediction";
const isTruth = () => clip?.shows === "truth";
const hasTruth = () => isPrediction() && clip.parts.truth.some(Boolean);
const frames = () => clip?.times.length || 0;
const colour = c => (set.benchmark ? c.benchmark : c.colour);
const hasThreshold = () => isPrediction() && !clip.parts?.labels?.length; // of 71 classes, the most probable one counts
const level = () => levelOf(set.threshold);
const isDark = () => document.body.classList.contains("dark");
const isDimmed = () => set.style === "heat" && set.mask && !set.errors && isPrediction();
const shareOf = (i, k) => (isTruth() ? truthShare(counts, i, k) || 0 : predictedShare(counts, i, k, level()));
const sumOf = share => clip.classes.reduce((sum, c, k) => sum + (hidden.has(c.index) ? 0 : share(k) || 0), 0);
const predicted = i => sumOf(k => shareOf(i, k));
const actual = i => sumOf(k => truthShare(counts, i, k));

async function load() {
  const value = props.value, mine = ++version;
  video.pause();
  cache?.close();
  [clip, counts, cache, hidden] = [value?.about || null, {}, null, new Set()];
  [thumbs, layerKey, ahead, plot, reported] = [[], "", null, null, -1];
  if (opening) setLoop(""), (quiet = false); // another clip does not play by itself, so it need not be silent
  setPlaying(false); // a new source takes the event of the pause with it
  offer(clip?.sounds || []);
  root.classList.toggle("pl-nothing", !clip);
  root.classList.remove("pl-lost");
  root.classList.toggle("pl-plain", clip?.shows === "nothing");
  if (!clip) return video.removeAttribute("src"), video.load();
  const label = "Player of {clip}: video, masks and sound on one timeline";
  root.setAttribute("aria-label", words(label, { clip: clip.title }));
  if (sounds.length) clip = { ...clip, ...sounds[0] };
  [frame, untouched] = [clip.frame, true];
  moment = frames() ? clip.times[frame] : 0;
  if (video.getAttribute("src") !== value.video.url) video.src = value.video.url;
  else restore();
  if (isPrediction()) find("[data-set=threshold]").dataset.first = set.threshold = clip.threshold;
  layOut();
  if (clip.opens) openPage();
  const bytes = sounds.length ? await packOf(0) : value.pack && (await fetched(value.pack.url));
  if (mine !== version) return; // another clip came meanwhile
  if (bytes) await unpack(bytes, mine);
  else if (value.pack || sounds.length) root.classList.add("pl-lost");
  else refresh();
}

async function unpack(bytes, mine) { // take over a pack; `mine` is the version it was fetched for
  cache?.close();
  counts = countsOf(bytes, clip);
  cache = new MapCache(bytes, clip.parts, { pinned: thumbs.map(thumb => thumb.frame), onLoad: arrived });
  const image = slider.querySelector("img");
  URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(blobOf(bytes, clip.parts.sound, "image/png"));
  await Promise.all(thumbs.map(async thumb => {
    thumb.picture ??= await createImageBitmap(blobOf(bytes, thumb.piece, "image/jpeg"));
  }));
  if (mine === version) refresh();
}

function arrived(index) { // the maps of a frame are decoded
  if (index === frame) draw();
  if (index === frame + 1) prepare();
  if (thumbs.some(thumb => thumb.frame === index)) later(drawThumbs);
}

function layOut() { // what depends on the clip alone
  const { duration } = clip, cell = isPrediction() ? "<td></td>" : "", last = hasTruth() ? "<td></td>" : "";
  find(".pl-name small").textContent = words("{n} per s", { n: clip.fps });
  root.classList.toggle("pl-binary", clip.classes.length < 2);
  slider.setAttribute("aria-valuemax", duration.toFixed(2));
  slider.title = props.ranged ? words("Click to seek. Drag to select the range to segment next.") : "";
  all("[data-set=truth], [data-set=errors]").forEach(box => (box.parentElement.hidden = !hasTruth()));
  find("[data-style=heat]").hidden = !isPrediction();
  find("[data-set=threshold]").parentElement.hidden = !hasThreshold();
  find(".pl-classes thead").innerHTML = `<tr><th>${words("Class")}</th><th>${words("share of frame")}</th>${
    cell && `<th>${words("mean p")}</th>`}${last && "<th>IoU</th>"}</tr>`;
  const hint = k => (k < 7 ? words("Show or hide, key {n}", { n: k + 1 }) : words("Show or hide"));
  const button = (c, k) =>
    `<button type="button" data-class="${c.index}" title="${hint(k)}"><i></i>${escaped(c.name)}</button>`;
  find(".pl-classes tbody").innerHTML = clip.classes
    .map((c, k) => `<tr><td>${button(c, k)}</td><td></td>${cell}${last}</tr>`).join("");
  layOutSound();
  find(".pl-times").innerHTML = ticksHtml(duration);
  thumbs = (clip.parts?.thumbs || []).map(thumb => ({ ...thumb, view: surface(1, 1), picture: null }));
  find(".pl-thumbs").replaceChildren(...thumbs.map(thumb => {
    const box = document.createElement("div"), [from] = spanOf(thumb.first, clip), [, to] = spanOf(thumb.last, clip);
    box.style.cssText = `left:${atPercent(from, duration)}%;width:${atPercent(to - from, duration)}%`;
    box.append(thumb.view);
    return box;
  }));
  find(".pl-numbers").open = false;
  find(".pl-band").hidden = true;
}

function layOutSound() { // what depends on the sound that is heard
  root.classList.toggle("pl-unheard", !clip.lanes.length);
  slider.querySelector("span").hidden = !clip.silent;
  find(".pl-lanes").innerHTML = clip.lanes.map(lane => laneHtml(lane, clip.duration)).join("");
}

function compose(index, width, height) { // the layer of a frame: its canvas and captions; null until it is decoded
  const maps = cache?.get(index);
  if (!maps) return null;
  const look = {
    ...set, slots: slotsOf(clip.classes.map(c => c.index), hidden), colours: clip.classes.map(c => rgb(colour(c))),
    hatched: clip.classes.map(c => colour(c) === GREY), background: isDark() ? [0x10, 0x11, 0x14] : WHITE,
  };
  const values = { // probabilities are blended between pixels, classes are not
    probability: readMap(maps.probability, width, height, true),
    labels: readMap(maps.labels, width, height, false), truth: readMap(maps.truth, width, height, false),
  };
  const view = surface(width, height);
  if (!values.probability && !values.truth) return { view, spots: [] };
  const { image, mask } = layerOf(values, width, look);
  view.getContext("2d").putImageData(image, 0, 0);
  return { view, spots: set.captions ? spotsOf(mask, width, clip.classes.length) : [] };
}

const keyOf = index => [version, index, canvas.width].join();

function composeFull(index) {
  const scale = Math.min(1, LAYER / Math.max(canvas.width, canvas.height));
  return compose(index, Math.round(canvas.width * scale), Math.round(canvas.height * scale));
}

const idle = window.requestIdleCallback || (job => setTimeout(job, 5));

function prepare() { // the next frame's layer, between two pictures of the video
  if (clip && !video.paused && frame + 1 < frames()) idle(() => {
    const next = frame + 1, key = keyOf(next);
    if (!clip || video.paused || next >= frames() || ahead?.key === key || !cache?.get(next)) return;
    ahead = { key, layer: composeFull(next) };
  }, { timeout: 80 });
}

function draw() {
  const pen = canvas.getContext("2d");
  video.classList.toggle("pl-dim", isDimmed());
  if (!clip || !frames() || !video.videoWidth) return pen.clearRect(0, 0, canvas.width, canvas.height);
  const key = keyOf(frame);
  if (key !== layerKey) {
    const made = ahead?.key === key ? ahead.layer : composeFull(frame);
    if (!made) return; // the earlier one stays until this one is decoded
    [layer, layerKey] = [made, key];
  }
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(layer.view, 0, 0, canvas.width, canvas.height);
  const scale = canvas.width / layer.view.width;
  for (const spot of layer.spots) {
    const c = clip.classes[spot.k];
    drawCaption(pen, c.name, colour(c), spot.x * scale, spot.top * scale);
  }
}

function drawThumbs() {
  for (const { view, picture, frame: index } of thumbs) {
    if (!picture) continue;
    const made = compose(index, picture.width, picture.height);
    Object.assign(view, { width: picture.width, height: picture.height });
    const pen = view.getContext("2d");
    pen.filter = isDimmed() ? "grayscale(1) brightness(.55)" : "none";
    pen.drawImage(picture, 0, 0);
    pen.filter = "none";
    if (made) pen.drawImage(made.view, 0, 0);
  }
}

function drawSide() {
  const title = frames() ? words("Frame {n}", { n: frame + 1 }) : clip?.title || "";
  const at = frames() && seconds(clip.times[frame]);
  const where = at ? words("of {k}, at {time}", { k: frames(), time: at }) : `${clip?.duration.toFixed(1)} s`;
  find(".pl-head h2").textContent = title;
  find(".pl-head span").textContent = clip ? where : "";
  if (!counts.marked && !counts.area) return;
  all(".pl-classes tbody tr").forEach((row, k) => {
    const texts = [percent(shareOf(frame, k))];
    if (isPrediction()) texts.push(meanProbability(counts, frame, k, level())?.toFixed(2) ?? "");
    if (hasTruth()) texts.push(words(iouText(iouOf(counts, frame, k, level()))));
    [...row.children].slice(1).forEach((cell, n) => (cell.textContent = texts[n] ?? "–")); // another sound has no truth
    row.classList.toggle("empty", shareOf(frame, k) < 0.0005);
  });
}

function drawFrameBar(i) {
  const [from, to] = spanOf(i, clip).map(t => t / clip.duration);
  const shown = clip.classes.map((c, k) => [c, k]).filter(([c]) => !hidden.has(c.index));
  const truth = plot.truth && clip.parts.truth[i] ? actual(i) : null;
  const shares = shown.map(([c, k]) => [shareOf(i, k), colour(c)]);
  drawBar(plot.pen, plot, { from, to, shares, truth, current: i === frame });
}

function drawBars() {
  if (!cache) return;
  const row = find(".pl-thumbs"); // as high as its pictures, within reason
  const tall = (row.clientWidth / thumbs.length) * (video.videoHeight / video.videoWidth || 0.56);
  row.style.height = `${clamp(tall, 30, 68)}px`;
  const ratio = devicePixelRatio || 1, box = bars.parentElement, style = getComputedStyle(root);
  Object.assign(bars, { width: Math.round(box.clientWidth * ratio), height: Math.round(box.clientHeight * ratio) });
  const shares = clip.times.map((_, i) => predicted(i)), truth = hasTruth() && set.truth;
  const top = scaleOf(Math.max(...shares, ...(truth ? clip.times.map((_, i) => actual(i)) : [])));
  find(".pl-scale").innerHTML = scaleHtml(top);
  plot = {
    pen: bars.getContext("2d"), width: bars.width, height: bars.height, ratio, top, truth,
    gap: frames() > 60 ? 0 : 1.5 * ratio, ink: style.getPropertyValue("--ink").trim(),
    edge: isDark() ? null : style.getPropertyValue("--ink-3").trim(),
  };
  clip.times.forEach((_, i) => drawFrameBar(i));
  const nonempty = shares.filter(share => share >= 0.0005).length;
  bars.setAttribute("aria-label", words("Foreground in {n} of {k} frames, at most {share} of the frame",
    { n: nonempty, k: frames(), share: percent(Math.max(...shares)) }));
}

function drawNumbers() {
  const box = find(".pl-numbers"), cell = text => `<td>${text}</td>`;
  if (!box.open || !cache) return;
  const compared = hasTruth() ? `<th>${words("ground truth")}</th><th>IoU</th>` : "";
  const heads = clip.classes.map(c => `<th>${escaped(c.name)}</th>${compared}`);
  const cells = (i, k) => {
    const truth = truthShare(counts, i, k), texts = [percent(shareOf(i, k))];
    const iou = () => words(iouText(iouOf(counts, i, k, level())));
    if (hasTruth()) texts.push(truth === null ? "" : percent(truth), iou());
    return texts.map(cell).join("");
  };
  const rows = clip.times.map((t, i) =>
    `<tr>${cell(i + 1)}${cell(seconds(t))}${clip.classes.map((_, k) => cells(i, k)).join("")}</tr>`);
  heads.unshift(`<th>${words("Frame")}</th><th>${words("at")}</th>`);
  box.lastElementChild.innerHTML = `<table><tr>${heads.join("")}</tr>${rows.join("")}</table>`;
}

const waiting = new Set();

function later(job) { // once before the next picture, however often it is asked for
  if (waiting.has(job)) return;
  waiting.add(job);
  requestAnimationFrame(() => (waiting.delete(job), clip && job()));
}

function legend() {
  if (hasTruth() && set.errors) return [["hit", "true positive"], ["alarm", "false alarm"], ["miss", "miss"]];
  const items = hasTruth() && set.truth ? [["line", "ground truth"]] : [];
  if (isTruth()) items.push(["", "ground truth"]);
  if (!set.mask && clip.shows !== "nothing") items.push(["", "mask hidden, M shows it"]);
  return items;
}

function refresh() { // after any setting
  if (!clip) return;
  [layerKey, ahead] = ["", null];
  all("[data-style]").forEach(button => button.setAttribute("aria-pressed", button.dataset.style === set.style));
  all("[data-set]").forEach(input => {
    const value = input.dataset.set === "volume" ? video.volume : set[input.dataset.set];
    const output = input.parentElement.querySelector("output");
    input[input.type === "checkbox" ? "checked" : "value"] = value;
    if (input.type === "range") input.style.setProperty("--v", `${100 * value}%`);
    if (output) output.textContent = value.toFixed(2);
  });
  all("[data-class]").forEach((button, k) => {
    button.setAttribute("aria-pressed", !hidden.has(clip.classes[k].index));
    button.firstElementChild.style.setProperty("--colour", colour(clip.classes[k]));
  });
  root.dataset.mask = set.mask;
  find(".pl-legend").innerHTML = legend()
    .map(([kind, text]) => `<span>${kind && `<i class="${kind}"></i>`}${words(text)}</span>`).join("");
  show(moment, true);
  later(drawThumbs);
}

function show(t, anew = false) { // bring everything to a moment of the clip
  if (!clip) return;
  moment = clamp(t, 0, clip.duration);
  find(".pl-cursor div").style.left = `${atPercent(moment, clip.duration)}%`;
  find(".pl-cursor span").textContent = seconds(moment);
  find(".pl-time b").textContent = moment.toFixed(2);
  find(".pl-time span").textContent = clip.duration.toFixed(2);
  const next = frames() ? frameAt(moment, clip) : 0;
  if (next !== frame || anew) {
    const before = frame;
    frame = next;
    root.dataset.frame = frame;
    thumbs.forEach(({ first, last }, i) =>
      find(".pl-thumbs").children[i].classList.toggle("on", first <= frame && frame <= last));
    drawSide();
    if (anew || !plot) later(drawBars), drawNumbers();
    else drawFrameBar(before), drawFrameBar(frame);
  }
  if (video.paused) {
    const sentence = frames() ? "{s} seconds, frame {n} of {k}" : "{s} seconds";
    const text = words(sentence, { s: moment.toFixed(2), n: frame + 1, k: frames() });
    slider.setAttribute("aria-valuenow", moment.toFixed(2));
    slider.setAttribute("aria-valuetext", text);
  }
  draw();
  for (const more of video.paused ? [] : [1, 2, 3]) if (frame + more < frames()) cache?.get(frame + more);
  prepare();
}
