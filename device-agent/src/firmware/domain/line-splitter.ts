const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

export interface SplitLine {
  readonly text: string;
  /** What came after the limit, up to the line feed, is gone. */
  readonly truncated: boolean;
}

/**
 * Splits bytes into lines of UTF-8 and never holds more than `maxBytes` of one, however long it goes
 * on without a line feed. A carriage return before the line feed is not part of the line.
 */
export class LineSplitter {
  readonly #kept: Buffer;
  readonly #onLine: (line: SplitLine) => void;
  #keptBytes = 0;
  #truncated = false;

  constructor(maxBytes: number, onLine: (line: SplitLine) => void) {
    this.#kept = Buffer.alloc(maxBytes);
    this.#onLine = onLine;
  }

  push(chunk: Uint8Array): void {
    let from = 0;
    for (;;) {
      const at = chunk.indexOf(LINE_FEED, from);
      if (at === -1) break;
      this.#keep(chunk.subarray(from, at));
      this.#emit();
      from = at + 1;
    }
    this.#keep(chunk.subarray(from));
  }

  /** What came after the last line feed is a line too, unless it is nothing. */
  end(): void {
    if (this.#keptBytes > 0) this.#emit();
  }

  #keep(bytes: Uint8Array): void {
    const room = this.#kept.length - this.#keptBytes;
    this.#kept.set(bytes.subarray(0, room), this.#keptBytes);
    this.#keptBytes += Math.min(room, bytes.length);
    if (bytes.length > room) this.#truncated = true;
  }

  #emit(): void {
    const line = this.#kept.subarray(0, this.#keptBytes);
    const truncated = this.#truncated;
    const withoutReturn =
      !truncated && line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
    this.#keptBytes = 0;
    this.#truncated = false;
    this.#onLine({ text: decode(withoutReturn, truncated), truncated });
  }
}

/** A cut may have halved the last character: that half is left out, unlike bytes that are no UTF-8. */
function decode(line: Buffer, truncated: boolean): string {
  const decoder = new TextDecoder();
  return decoder.decode(line, { stream: truncated });
}
