/** The `maxEntries` entries that were looked at last; beyond, the one unused longest is forgotten. */
export class RecentMap<V extends object> {
  readonly #maxEntries: number;
  /** A Map keeps the order of insertion, so an entry put in anew moves to the young end. */
  readonly #entries = new Map<string, V>();

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Makes the entry the youngest. */
  get(key: string): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  /** A new entry is the youngest; a known one keeps its place. */
  set(key: string, value: V): void {
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#maxEntries) return;
    const oldest = this.#entries.keys().next();
    if (oldest.done !== true) this.#entries.delete(oldest.value);
  }

  /** The entry, its place unchanged. */
  peek(key: string): V | undefined {
    return this.#entries.get(key);
  }
}
