// What is to be drawn: the committed picture, the frame of a sweep laid over it, and what a live job has sent since.

const EMPTY = {};

function resolve(entry, arrays) {
  return Object.fromEntries(Object.entries(entry).map(([axis, name]) => [axis, arrays[name]]));
}

function resolveAll(entries, arrays) {
  return new Map(Object.entries(entries).map(([id, entry]) => [id, resolve(entry, arrays)]));
}

/** Frame k of an array over frames, or the array itself where all frames share it. */
function slice(array, frames, k) {
  if (!array) return undefined;
  const { data, shape } = array;
  if (shape[0] !== frames || shape.length < 2) return array;
  const size = shape.slice(1).reduce((product, n) => product * n, 1);
  return { data: data.subarray(k * size, (k + 1) * size), shape: shape.slice(1) };
}

export class Model {
  load({ header, arrays }) {
    this.header = header;
    this.still = resolveAll(header.still, arrays);
    this.baseNumbers = header.numbers;
    // The frames of a sweep come later, by `sweep`.
    this.sweeps = new Map(Object.entries(header.sweeps).map(([name, { values }]) =>
      [name, { values: arrays[values].data, data: null, numbers: EMPTY }]));
    this.frame(null);
  }

  /** Another picture at rest; until the page's run brings new sweeps, those of the one before stay. */
  lay({ header, arrays }) {
    this.still = resolveAll(header.still, arrays);
    this.baseNumbers = header.numbers;
    this.active = null;
    this.frame(null);
  }

  /** The frames of a slider's sweep have arrived. */
  sweep(name, { header, arrays }) {
    const numbers = Object.entries(header.numbers).map(([key, array]) => [key, arrays[array].data]);
    Object.assign(this.sweeps.get(name), {
      values: arrays[header.values].data, data: resolveAll(header.data, arrays), numbers: Object.fromEntries(numbers),
    });
  }

  follows(name) {
    return Boolean(this.sweeps.get(name)?.data);
  }

  patch({ still, numbers }, arrays) {
    for (const [id, entry] of resolveAll(still ?? EMPTY, arrays)) {
      this.still.set(id, { ...this.still.get(id), ...entry });
      this.over.delete(id);
    }
    this.baseNumbers = { ...this.baseNumbers, ...numbers };
    this.numbers = { ...this.numbers, ...numbers };
  }

  sweepValues(name) {
    return this.sweeps.get(name)?.values ?? null;
  }

  /** Lay frame k of a sweep over the committed picture; null, or a sweep that has not come yet, takes it off. */
  frame(name, k = 0) {
    const sweep = this.follows(name) ? this.sweeps.get(name) : null;
    if (sweep && this.active?.sweep === sweep && this.active.k === k) return;
    this.over = new Map();
    this.numbers = this.baseNumbers;
    this.active = sweep ? { name, sweep, k } : null;
    if (!sweep) return;
    const frames = sweep.values.length;
    for (const [id, entry] of sweep.data) {
      const row = { ...this.still.get(id) };
      for (const axis of Object.keys(entry)) row[axis] = slice(entry[axis], frames, k);
      this.over.set(id, row);
    }
    const numbers = Object.entries(sweep.numbers).map(([key, values]) => [key, values[k]]);
    this.numbers = { ...this.baseNumbers, ...Object.fromEntries(numbers) };
  }

  get(id) {
    return this.over.get(id) ?? this.still.get(id);
  }

  /** A line's value at a step, the last finite place of a path that has ended not counted. */
  at(id, axis, step) {
    const data = this.get(id)?.[axis]?.data;
    if (!data?.length) return NaN;
    return data[Math.min(Math.floor(step + 1e-6), data.length - 1)];
  }
}
