// The time axis: its arithmetic, and what is drawn along it. Times are seconds of the clip.

const SCALES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 1]; // upper ends of the axis of shares
const PALE = ["#F0E442", "#56B4E9"]; // colours that need an edge on white

const spanOf = (i, clip) => [i / clip.fps, i === clip.times.length - 1 ? clip.duration : (i + 1) / clip.fps];
const frameAt = (t, clip) => clamp(Math.floor(t * clip.fps + 1e-6), 0, clip.times.length - 1);
const scaleOf = most => SCALES.find(scale => scale >= most) || 1;
const atPercent = (t, duration) => (100 * t) / duration;

function ticksOf(duration) { // at most nine
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60].find(s => duration / s <= 8) || 120, ticks = [];
  for (let t = 0; t <= duration + 1e-6; t += step) ticks.push(+t.toFixed(2));
  return ticks;
}

function rangeOf(a, b, duration) { // of a drag between two moments, in tenths of a second
  return [a, b].sort((x, y) => x - y).map(t => Math.round(10 * clamp(t, 0, duration)) / 10);
}

const escaped = text => String(text).replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);

const ticksHtml = duration => ticksOf(duration).map(t => {
  const at = atPercent(t, duration);
  return `<span style="left:${at}%;transform:translateX(-${at}%)">${t} s</span>`;
}).join("");

const scaleHtml = top => [[top, 0], [top / 2, 50], [0, 100]]
  .map(([x, y]) => `<span style="top:${y}%;transform:translateY(-${y}%)">${+(100 * x).toFixed(1)}</span>`).join("");

function laneHtml(lane, duration) {
  const bars = lane.spans.map(([a, b]) =>
    `<i style="left:${atPercent(a, duration)}%;width:${atPercent(b - a, duration)}%"></i>`).join("");
  const name = `${escaped(lane.name)}${lane.inside ? "" : ", off screen"}`;
  const left = atPercent(lane.spans[0][0], duration);
  return `<div class="${lane.inside ? "" : "hollow"}">${bars}<span style="left:${left}%">${name}</span></div>`;
}

function drawBar(pen, box, bar) {
  // One frame's bar: shares [[share, colour]] from below, and the ground truth's share as a line (null for none).
  // box: { width, height, ratio, top, edge, ink, gap }, bar: { from, to (0..1 of the width), shares, truth, current }.
  const { width, height, ratio, top, edge, ink, gap } = box;
  const from = Math.round(bar.from * width), to = Math.round(bar.to * width);
  const x = from + gap, wide = Math.max(1, to - from - 2 * gap);
  pen.clearRect(from, 0, to - from, height);
  pen.globalAlpha = bar.current ? 1 : 0.72;
  let y = height;
  for (const [share, colour] of bar.shares) {
    const tall = (share / top) * height;
    pen.fillStyle = colour;
    pen.fillRect(x, y - tall, wide, tall);
    if (edge && tall > 2 && PALE.includes(colour)) {
      pen.strokeStyle = edge;
      pen.strokeRect(x + 0.5, y - tall + 0.5, wide - 1, tall - 1);
    }
    y -= tall;
  }
  pen.globalAlpha = 1;
  if (bar.truth === null) return;
  pen.fillStyle = ink;
  pen.fillRect(x, clamp(height - (bar.truth / top) * height - ratio, 0, height - 2 * ratio), wide, 2 * ratio);
}

function drawCaption(pen, name, colour, x, top) { // a label centred at x, above the row `top`
  const { width, height } = pen.canvas, size = Math.max(11, Math.round(height / 24)), pad = size * 0.45;
  pen.font = `${size}px "IBM Plex Sans", sans-serif`;
  const wide = pen.measureText(name).width + 3 * pad + size * 0.7, tall = size * 1.6;
  const left = clamp(x - wide / 2, 2, width - wide - 2), y = clamp(top - tall - 4, 2, height - tall - 2);
  pen.fillStyle = "rgba(16,17,20,.82)";
  pen.beginPath();
  pen.roundRect(left, y, wide, tall, 4);
  pen.fill();
  pen.fillStyle = colour;
  pen.fillRect(left + pad, y + tall / 2 - size * 0.35, size * 0.7, size * 0.7);
  pen.fillStyle = "#fff";
  pen.textBaseline = "middle";
  pen.fillText(name, left + 2 * pad + size * 0.7, y + tall / 2 + 1);
}
