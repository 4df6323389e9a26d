import type { Attribute } from '@flotilla/otlp';

/** Of a cell: the Map's entry, the point and its numbers; measured on Node 24, roughly. */
const CELL_BYTES = 500;
const ATTRIBUTE_BYTES = 250;

interface Point {
  readonly timeUnixNano: bigint;
  readonly attributes: readonly Attribute[];
  readonly exemplars?: readonly Uint8Array[];
  readonly bucketCounts?: readonly bigint[];
  /** Of an opaque point. */
  readonly encoded?: Uint8Array;
}

/**
 * Points by key, and about what they weigh. What is kept is copied: decoded bytes are a view of the
 * request, and one small attribute would keep all of it in memory.
 */
export class CellMap<P extends Point> {
  readonly #points = new Map<string, P>();
  #unnamed = 0;
  #sizeBytes = 0;

  get size(): number {
    return this.#points.size;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get(key: string): P | undefined {
    return this.#points.get(key);
  }

  values(): P[] {
    return [...this.#points.values()];
  }

  set(key: string, point: P): void {
    const before = this.#points.get(key);
    const owned = copyPoint(point, before?.attributes);
    this.#points.set(key, owned);
    this.#sizeBytes += sizeOf(owned) - (before === undefined ? -key.length : sizeOf(before));
  }

  /** Keeps the later of two points. */
  setIfLater(key: string, point: P): void {
    const before = this.#points.get(key);
    if (before === undefined || point.timeUnixNano >= before.timeUnixNano) this.set(key, point);
  }

  /** A point that is merged with none. */
  push(point: P): void {
    this.set(`#${this.#unnamed}`, point);
    this.#unnamed += 1;
  }
}

export function copyBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function copyPoint<P extends Point>(point: P, attributes?: readonly Attribute[]): P {
  return {
    ...point,
    attributes:
      attributes ?? point.attributes.map(({ key, value }) => ({ key, value: copyBytes(value) })),
    ...(point.exemplars !== undefined && { exemplars: point.exemplars.map(copyBytes) }),
    ...(point.encoded !== undefined && { encoded: copyBytes(point.encoded) }),
  };
}

function sizeOf({ attributes, exemplars = [], bucketCounts = [], encoded }: Point): number {
  let sizeBytes = CELL_BYTES + bucketCounts.length * 32 + (encoded?.length ?? 0);
  for (const { value } of attributes) sizeBytes += ATTRIBUTE_BYTES + value.length;
  for (const exemplar of exemplars) sizeBytes += ATTRIBUTE_BYTES + exemplar.length;
  return sizeBytes;
}
