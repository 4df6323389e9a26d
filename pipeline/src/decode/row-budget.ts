import { DecodeError } from '@flotilla/otlp';

/** What one record may grow to as rows: resource attributes are repeated on each of its points. */
const MAX_EXPANDED_BYTES = 64 * 1024 * 1024;
/** A row's fixed part and what the engine keeps per row, roughly. */
const ROW_OVERHEAD_BYTES = 128;

/** Stops a small record from becoming a huge insert. */
export class RowBudget {
  #leftBytes: number;
  constructor(maxBytes = MAX_EXPANDED_BYTES) {
    this.#leftBytes = maxBytes;
  }

  take(bytes: number): void {
    this.#leftBytes -= bytes + ROW_OVERHEAD_BYTES;
    if (this.#leftBytes < 0) {
      throw new DecodeError('expands_too_far', `the rows would exceed ${MAX_EXPANDED_BYTES} bytes`);
    }
  }
}
