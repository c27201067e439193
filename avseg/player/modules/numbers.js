// Numbers of a pack: pixels of each class at 101 thresholds, counted by avseg/player/pack.py. No page here.
// counts: { marked, hits, area, labelled, pixels, classes }. marked and hits are Uint32Array [T, K, 101]: predicted
// pixels above a threshold, and those of them that are right; area is [T, K], ground truth; null where unknown.
// labelled: for every frame whether it has ground truth, or null when all have.

// In the visitor's language, where the page has one (app/components/translation.py).
const filled = (text, values = {}) => text.replace(/\{(\w+)\}/g, (hole, name) => values[name] ?? hole);
const words = window.avsegText ?? filled;
const LEVELS = 101;
const clamp = (x, low, high) => Math.min(high, Math.max(low, x));
const percent = x => `${(100 * x).toFixed(1)}\u00a0%`;
const seconds = x => `${x.toFixed(2)}\u00a0s`;
const levelOf = threshold => Math.round(100 * threshold);
const rowOf = (counts, frame, k) => frame * counts.classes + k;

function predictedShare(counts, frame, k, level) {
  return counts.marked ? counts.marked[rowOf(counts, frame, k) * LEVELS + level] / counts.pixels : 0;
}

function truthShare(counts, frame, k) { // null for a frame without ground truth
  const known = counts.area && (!counts.labelled || counts.labelled[frame]);
  return known ? counts.area[rowOf(counts, frame, k)] / counts.pixels : null;
}

function meanProbability(counts, frame, k, level) { // of the predicted pixels, to within 0.01; null without any
  const at = rowOf(counts, frame, k) * LEVELS, base = counts.marked[at + level];
  if (!base) return null;
  let sum = 0;
  for (let n = level + 1; n < LEVELS; n++) sum += counts.marked[at + n];
  return Math.min(1, level / 100 + (0.01 * sum) / base + 0.005);
}

function iouOf(counts, frame, k, level) { // null without ground truth, NaN where neither has a pixel
  if (truthShare(counts, frame, k) === null) return null;
  const row = rowOf(counts, frame, k), hits = counts.hits[row * LEVELS + level];
  return hits / (counts.marked[row * LEVELS + level] + counts.area[row] - hits);
}

const iouText = iou => (iou === null ? "no label" : Number.isNaN(iou) ? "empty" : iou.toFixed(2));
