// Reading a pack: pieces are [offset, length] in its bytes; tables are little-endian uint32, images PNG or JPEG. Maps,
// one byte per pixel, are [offset, length, width, height]: differences along each row, compressed by zlib.

const tableOf = (bytes, piece) => piece && new Uint32Array(bytes.slice(piece[0], piece[0] + piece[1]));
const blobOf = (bytes, piece, type) => new Blob([new Uint8Array(bytes, piece[0], piece[1])], { type });

async function fetched(url) { // the bytes of a file, null where it cannot be loaded
  try {
    const answer = await fetch(url);
    return answer.ok ? await answer.arrayBuffer() : null;
  } catch {
    return null;
  }
}

function countsOf(bytes, about) { // the counts that numbers.js works on
  const { marked, hits, area, truth } = about.parts;
  const labelled = truth.length ? truth.map(Boolean) : null;
  const tables = { marked: tableOf(bytes, marked), hits: tableOf(bytes, hits), area: tableOf(bytes, area) };
  return { ...tables, labelled, pixels: about.parts.pixels, classes: about.parts.classes };
}

async function mapOf(bytes, piece) { // { values, width, height }; null without a piece
  if (!piece) return null;
  const [, , width, height] = piece;
  const stream = blobOf(bytes, piece).stream().pipeThrough(new DecompressionStream("deflate"));
  const values = new Uint8Array(await new Response(stream).arrayBuffer());
  for (let i = 0; i < values.length; i++) if (i % width) values[i] += values[i - 1]; // modulo 256
  return { values, width, height };
}

class MapCache {
  // The decoded maps of frames, each { probability, labels, truth } of `mapOf`; up to `budget` bytes of them.
  constructor(bytes, parts, { pinned = [], budget = 64e6, onLoad = () => {} }) {
    Object.assign(this, { bytes, parts, budget, onLoad, pinned: new Set(pinned), maps: new Map(), size: 0 });
  }

  get(frame) { // null until it is decoded, which begins with the first call
    if (!this.maps.has(frame)) this.decode(frame);
    return this.maps.get(frame) || null;
  }

  async decode(frame) {
    this.maps.set(frame, null);
    const pieces = ["probability", "labels", "truth"].map(name => this.parts[name][frame]);
    const [probability, labels, truth] = await Promise.all(pieces.map(piece => mapOf(this.bytes, piece)));
    if (!this.maps.has(frame)) return; // closed meanwhile
    const maps = { probability, labels, truth };
    this.maps.set(frame, maps);
    this.size += this.bytesOf(maps);
    for (const [old, held] of this.maps) { // the oldest go first, but no pinned one
      if (this.size <= this.budget) break;
      if (held && old !== frame && !this.pinned.has(old)) this.drop(old);
    }
    this.onLoad(frame);
  }

  bytesOf(maps) {
    return Object.values(maps).reduce((sum, map) => sum + (map ? map.values.length : 0), 0);
  }

  drop(frame) {
    const maps = this.maps.get(frame);
    this.maps.delete(frame);
    if (!maps) return;
    this.size -= this.bytesOf(maps);
  }

  close() {
    [...this.maps.keys()].forEach(frame => this.drop(frame));
  }
}
