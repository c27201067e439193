// The sounds that a clip is offered with: each brings its own pack, and what is not the video's own sound is played
// beside the muted video. A player whose value `opens` the page plays at once, muted, until someone wants to hear it.

const other = new Audio(); // in place of the video's sound
let sounds = [], packs = [], sound = 0; // packs: promises of bytes, by sound
let quiet = false, opening = false; // quiet: muted by the visitor; opening: nobody has touched the sound yet

const audioUrl = () => (sounds.length ? props.value.audio[sound]?.url : null);
const isReplaced = () => sounds.length > 0 && Boolean(sounds[sound].silent || audioUrl());
const packOf = k => (packs[k] ??= fetched(props.value.packs[k].url));

function offer(list) { // the row of buttons; the first sound is on
  [sounds, packs, sound, opening] = [list, [], 0, false];
  find(".pl-sounds").hidden = !list.length;
  find(".pl-sounds div").innerHTML = list
    .map((one, k) => `<button type="button" data-sound="${k}">${escaped(one.label)}</button>`).join("");
  hear();
}

function hear() { // mute what is not to be heard, and say which sound it is
  video.muted = quiet || isReplaced();
  other.muted = quiet;
  all("[data-sound]").forEach((button, k) => button.setAttribute("aria-pressed", k === sound));
  find(".pl-sounds p").textContent = sounds[sound]?.finding || "";
  find(".pl-transport [data-do=mute]").setAttribute("aria-pressed", quiet);
  find(".pl-unmute").hidden = !(opening && quiet);
  keepBeside();
}

function setQuiet(on) {
  [quiet, opening] = [on, opening && on];
  hear();
}

function keepBeside() { // the other sound goes with the video
  const url = audioUrl(), at = video.currentTime - (clip?.start || 0);
  if (!url || video.paused) return other.pause();
  if (other.getAttribute("src") !== url) other.src = url;
  if (Math.abs(other.currentTime - at) > 0.15 && at < clip.duration - 0.1) other.currentTime = Math.max(0, at);
  other.playbackRate = video.playbackRate;
  if (other.paused && !other.ended) other.play().catch(() => {});
}

async function swap(k) { // other masks and another sound at the same moment; the earlier ones stay until they are there
  const bytes = await packOf(k), mine = ++version;
  if (!bytes) return root.classList.add("pl-lost");
  if (opening) quiet = opening = false;
  sound = k;
  clip = { ...clip, ...sounds[k] };
  hear();
  layOutSound();
  await unpack(bytes, mine);
}

function openPage() { // browsers let muted videos play by themselves
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  [quiet, opening] = [true, true];
  hear();
  setLoop("on");
  start();
  sounds.forEach((_, k) => packOf(k)); // a swap then needs no network
}
