/** Bits per name and bits set per name: one of 70,000 new names looks known in a full filter. */
const BITS_PER_NAME = 24;
const HASHES = 12;
const FIRST_SEED = 0x811c9dc5;
const STEP_SEED = 0x5bd1e995;
const FIRST_CAPACITY = 16 * 1024;
const MAX_CAPACITY = 4 * 1024 * 1024;

/** Bytes all filters of a process may take together. */
export class FilterMemory {
  readonly maxBytes: number;
  #usedBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  take(sizeBytes: number): boolean {
    if (this.#usedBytes + sizeBytes > this.maxBytes) return false;
    this.#usedBytes += sizeBytes;
    return true;
  }

  give(sizeBytes: number): void {
    this.#usedBytes -= sizeBytes;
  }
}

/**
 * Tells names that were surely never added from those that may have been: Bloom filters (Bloom 1970),
 * each twice as large as the one before, a new one whenever the last is full. Without memory for the
 * next it gives its own back, and from then on every name may have been added.
 */
export class NameFilter {
  readonly #memory: FilterMemory;
  readonly #filters: Uint32Array[] = [];
  #capacity = FIRST_CAPACITY / 2;
  /** Names the last filter still takes. */
  #left = 0;
  #sizeBytes = 0;
  #isClosed = false;

  constructor(memory: FilterMemory) {
    this.#memory = memory;
  }

  /** It holds nothing any more: every name may have been added. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  add(name: string): void {
    if (this.#isClosed) return;
    const first = hash(name, FIRST_SEED);
    const step = hash(name, STEP_SEED) | 1;
    if (this.#filters.some((filter) => holds(filter, first, step))) return;
    if (this.#left === 0 && !this.#grow()) return;
    this.#left -= 1;
    const filter = this.#filters.at(-1);
    if (filter !== undefined) setBits(filter, first, step);
  }

  /** False only for a name that was never added. */
  mayHold(name: string): boolean {
    if (this.#isClosed) return true;
    const first = hash(name, FIRST_SEED);
    const step = hash(name, STEP_SEED) | 1;
    return this.#filters.some((filter) => holds(filter, first, step));
  }

  close(): void {
    this.#memory.give(this.#sizeBytes);
    this.#sizeBytes = 0;
    this.#filters.length = 0;
    this.#isClosed = true;
  }

  #grow(): boolean {
    const capacity = Math.min(this.#capacity * 2, MAX_CAPACITY);
    const sizeBytes = (capacity * BITS_PER_NAME) / 8;
    if (!this.#memory.take(sizeBytes)) {
      this.close();
      return false;
    }
    this.#sizeBytes += sizeBytes;
    this.#filters.push(new Uint32Array(sizeBytes / 4));
    this.#capacity = capacity;
    this.#left = capacity;
    return true;
  }
}

/** Two hashes make all places of a name: `first`, and from there steps that grow by one each time. */
function setBits(filter: Uint32Array, first: number, step: number): void {
  const bits = filter.length * 32;
  for (let i = 0, at = first; i < HASHES; i += 1) {
    const index = at % bits;
    filter[index >>> 5] = (filter[index >>> 5] ?? 0) | (1 << (index & 31));
    at = (at + step + i) >>> 0;
  }
}

function holds(filter: Uint32Array, first: number, step: number): boolean {
  const bits = filter.length * 32;
  for (let i = 0, at = first; i < HASHES; i += 1) {
    const index = at % bits;
    if (((filter[index >>> 5] ?? 0) & (1 << (index & 31))) === 0) return false;
    at = (at + step + i) >>> 0;
  }
  return true;
}

/** 32 bits: FNV-1a over UTF-16 units from `seed`, then mixed so that all bits depend on all units. */
function hash(name: string, seed: number): number {
  let state = seed;
  for (let i = 0; i < name.length; i += 1) {
    state = Math.imul(state ^ name.charCodeAt(i), 0x01000193);
    state ^= state >>> 15;
  }
  state = Math.imul(state ^ (state >>> 16), 0x2c1b3c6d);
  state = Math.imul(state ^ (state >>> 12), 0x297a2d39);
  return (state ^ (state >>> 15)) >>> 0;
}
