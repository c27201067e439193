// Masks of one frame: which pixels are predicted, and how they are painted. Arrays have one value per pixel, row by
// row; a mask holds 0 for background and k + 1 for the k-th class of the player. Everything needed is an argument.

const WHITE = [255, 255, 255], FALSE_POSITIVE = [0xd5, 0x5e, 0x00], FALSE_NEGATIVE = [0x00, 0x72, 0xb2];
const MAGMA = ["#000004", "#180F3D", "#440F76", "#721F81", "#9E2F7F", "#CD4071", "#F1605D", "#FD9668", "#FECA8D",
  "#FCFDBF"];

const rgb = hex => [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16));
const surface = (width, height) => Object.assign(document.createElement("canvas"), { width, height });
const magma = Array.from({ length: 256 }, (_, i) => {
  const at = (i / 255) * (MAGMA.length - 1), k = Math.min(MAGMA.length - 2, Math.floor(at));
  const [a, b] = [rgb(MAGMA[k]), rgb(MAGMA[k + 1])];
  return a.map((x, c) => x + (at - k) * (b[c] - x));
});

function spread(from, to) { // for every place of an axis: its two neighbours in the map, and the share of the second
  const axis = { near: new Uint32Array(to), far: new Uint32Array(to), share: new Float32Array(to) };
  for (let i = 0; i < to; i++) {
    const at = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    axis.near[i] = at;
    axis.far[i] = Math.min(from - 1, axis.near[i] + 1);
    axis.share[i] = at - axis.near[i];
  }
  return axis;
}

function readMap(map, width, height, smooth) { // at another size; probabilities are blended, class indices are not
  if (!map) return null;
  const { values } = map, x = spread(map.width, width), y = spread(map.height, height);
  const out = new Uint8Array(width * height);
  for (let row = 0, i = 0; row < height; row++) {
    const above = y.near[row] * map.width, below = y.far[row] * map.width, down = y.share[row];
    const nearest = down < 0.5 ? above : below;
    for (let col = 0; col < width; col++, i++) {
      const left = x.near[col], right = x.far[col], across = x.share[col];
      if (!smooth) out[i] = values[nearest + (across < 0.5 ? left : right)];
      else {
        const upper = values[above + left] + across * (values[above + right] - values[above + left]);
        const lower = values[below + left] + across * (values[below + right] - values[below + left]);
        out[i] = upper + down * (lower - upper) + 0.5;
      }
    }
  }
  return out;
}

function slotsOf(indices, hidden) { // by class index: its value in a mask, 0 for hidden and unknown classes
  const slots = new Uint8Array(256);
  indices.forEach((index, k) => { if (!hidden.has(index)) slots[index] = k + 1; });
  return slots;
}

function maskOf(probability, labels, slots, threshold) { // predicted where the probability is above the threshold
  const mask = new Uint8Array(probability.length), least = 255 * threshold;
  for (let i = 0; i < mask.length; i++) if (probability[i] > least) mask[i] = slots[labels ? labels[i] : 1];
  return mask;
}

const truthMaskOf = (truth, slots) => truth.map(index => slots[index]);

const pixelBytes = new Uint8ClampedArray(4), pixelWord = new Uint32Array(pixelBytes.buffer);

function word([r, g, b], alpha) { // a pixel of ImageData as one number, in this machine's byte order
  pixelBytes.set([r, g, b, 255 * alpha]);
  return pixelWord[0];
}

function blend(data, i, [r, g, b], alpha) { // a pixel over what is painted there
  const at = 4 * i, below = (data[at + 3] / 255) * (1 - alpha), sum = alpha + below;
  if (!sum) return;
  data[at] = (r * alpha + data[at] * below) / sum;
  data[at + 1] = (g * alpha + data[at + 1] * below) / sum;
  data[at + 2] = (b * alpha + data[at + 2] * below) / sum;
  data[at + 3] = 255 * sum;
}

function edges(mask, width, each) { // each(pixel, class, alpha) on both sides of every border; corners count half
  const height = mask.length / width;
  for (let y = 0, i = 0; y < height; y++) for (let x = 0; x < width; x++, i++) {
    const m = mask[i], left = x ? mask[i - 1] : m, right = x < width - 1 ? mask[i + 1] : m;
    const up = y ? mask[i - width] : m, down = y < height - 1 ? mask[i + width] : m;
    if (left !== m || right !== m || up !== m || down !== m) each(i, m || left || right || up || down, 1);
    else if (!m && x && y && x < width - 1 && y < height - 1) {
      const corner = mask[i - width - 1] || mask[i - width + 1] || mask[i + width - 1] || mask[i + width + 1];
      if (corner) each(i, corner, 0.5);
    }
  }
}

function paintOutline(image, mask, look) {
  edges(mask, image.width, (i, m, alpha) => blend(image.data, i, look.colours[m - 1], alpha));
}

// look: { style, mask, truth, errors, opacity, threshold, slots, colours: [[r, g, b]], hatched: [bool], background }.
// mask, truth, errors: what is painted; slots: of slotsOf; hatched: which colours get stripes; background: of cut-outs.
const styles = {
  mask(image, mask, look) {
    const pixels = new Uint32Array(image.data.buffer), words = [0, ...look.colours.map(c => word(c, look.opacity))];
    for (let i = 0; i < mask.length; i++) {
      const m = mask[i], gap = m && look.hatched[m - 1] && ((i % image.width) + Math.floor(i / image.width)) % 8 > 2;
      if (m && !gap) pixels[i] = words[m];
    }
    paintOutline(image, mask, look);
  },
  outline(image, mask, look) {
    paintOutline(image, mask, look);
    paintOutline(image, mask, look); // twice: fuller corners
  },
  cutout(image, mask, look) {
    const around = word(look.background, 1 - (1 - look.opacity) ** 4), pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < mask.length; i++) if (!mask[i]) pixels[i] = around;
  },
  heat(image, mask, look, probability) {
    if (!probability) return styles.mask(image, mask, look);
    const strength = Math.min(1, 2 * look.opacity), pixels = new Uint32Array(image.data.buffer);
    const words = magma.map((c, x) => word(c, 0.9 * strength * (0.15 + 0.85 * (x / 255))));
    for (let i = 0; i < mask.length; i++) pixels[i] = words[probability[i]];
    paintOutline(image, mask, look);
  },
};

function paintTruth(image, truth) { // a white line with a dark rim, so that it shows on white
  const rim = new Uint8Array(truth.length);
  edges(truth, image.width, i => { rim[i] = 1; });
  edges(rim, image.width, (i, m, alpha) => { if (!rim[i]) blend(image.data, i, [0, 0, 0], 0.45 * alpha); });
  edges(truth, image.width, (i, m, alpha) => blend(image.data, i, WHITE, alpha));
}

function paintErrors(image, mask, truth) {
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] && mask[i] === truth[i]) blend(image.data, i, WHITE, 0.5);
    else if (mask[i]) blend(image.data, i, FALSE_POSITIVE, 0.8);
    else if (truth[i]) blend(image.data, i, FALSE_NEGATIVE, 0.8);
  }
}

function layerOf({ probability, labels, truth: classes }, width, look) { // the painted image of a frame, and its mask
  const truth = classes && truthMaskOf(classes, look.slots), size = (probability || classes).length;
  const predicted = probability ? maskOf(probability, labels, look.slots, look.threshold) : truth;
  const mask = look.mask ? predicted : new Uint8Array(size), image = new ImageData(width, size / width);
  if (look.errors && truth && probability) paintErrors(image, mask, truth);
  else if (look.mask) styles[look.style](image, mask, look, probability);
  if (look.truth && !look.errors && truth && probability) paintTruth(image, truth);
  return { image, mask };
}

function spotsOf(mask, width, count) { // of every class: its number, pixels, their mean column, and the highest row
  const spots = Array.from({ length: count }, (_, k) => ({ k, pixels: 0, x: 0, top: Infinity }));
  mask.forEach((m, i) => {
    if (!m) return;
    const spot = spots[m - 1];
    spot.pixels++;
    spot.x += i % width;
    spot.top = Math.min(spot.top, Math.floor(i / width));
  });
  return spots.filter(spot => spot.pixels > mask.length / 2000).map(spot => ({ ...spot, x: spot.x / spot.pixels }));
}
