/** What a stretch of a zstd stream belongs to; `end` when the frame ends with it. */
export interface FramePiece {
  readonly bytes: Buffer;
  readonly kind: 'data' | 'skippable';
  readonly end: boolean;
}

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const RLE_BLOCK = 1;

/** What is expected next: a fixed number of bytes that say what follows, or bytes to pass on. */
type State =
  | { readonly kind: 'magic' }
  | { readonly kind: 'skippable_size' }
  | { readonly kind: 'descriptor' }
  | { readonly kind: 'block_header' }
  /** `then` null: the frame ends behind them. */
  | { readonly kind: 'pass'; left: number; readonly then: State | null };

const HEADER_LENGTH = { magic: 4, skippable_size: 4, descriptor: 1, block_header: 3 } as const;

/**
 * Finds where the frames of a zstd stream end (RFC 8878, 3.1) without decoding them, so that a decoder
 * can begin anew at any of them. Throws ZstdFrameError for what is no zstd.
 */
export class ZstdFrameScanner {
  #state: State = { kind: 'magic' };
  #frame: FramePiece['kind'] = 'data';
  #hasChecksum = false;
  #pending = Buffer.alloc(0);

  /** True between frames: the stream may end here. */
  get isBetweenFrames(): boolean {
    return this.#state.kind === 'magic' && this.#pending.length === 0;
  }

  *push(chunk: Buffer): Generator<FramePiece, void> {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#state.kind === 'pass') {
        const { left, then } = this.#state;
        const bytes = rest.subarray(0, left);
        rest = rest.subarray(bytes.length);
        const isOver = bytes.length === left;
        if (isOver) this.#state = then ?? { kind: 'magic' };
        else this.#state.left = left - bytes.length;
        yield { bytes, kind: this.#frame, end: isOver && then === null };
        continue;
      }
      const missing = HEADER_LENGTH[this.#state.kind] - this.#pending.length;
      this.#pending = Buffer.concat([this.#pending, rest.subarray(0, missing)]);
      rest = rest.subarray(missing);
      if (this.#pending.length < HEADER_LENGTH[this.#state.kind]) return;
      const header = this.#pending;
      this.#pending = Buffer.alloc(0);
      this.#state = this.#after(this.#state.kind, header);
      // An empty skippable frame, or a frame whose last block is empty and has no checksum.
      const isOver = this.#state.kind === 'pass' && this.#state.left === 0;
      const end = isOver && this.#state.kind === 'pass' && this.#state.then === null;
      if (this.#state.kind === 'pass' && isOver)
        this.#state = this.#state.then ?? { kind: 'magic' };
      yield { bytes: header, kind: this.#frame, end };
    }
  }

  #after(kind: keyof typeof HEADER_LENGTH, header: Buffer): State {
    switch (kind) {
      case 'magic':
        return this.#afterMagic(header.readUInt32LE(0));
      case 'skippable_size':
        return { kind: 'pass', left: header.readUInt32LE(0), then: null };
      case 'descriptor':
        return this.#afterDescriptor(header.readUInt8(0));
      case 'block_header':
        return this.#afterBlockHeader(header.readUIntLE(0, 3));
    }
  }

  #afterMagic(magic: number): State {
    if (magic === MAGIC) {
      this.#frame = 'data';
      return { kind: 'descriptor' };
    }
    if (Math.floor(magic / 16) !== SKIPPABLE_MAGIC / 16) {
      throw new ZstdFrameError(`no zstd frame begins with ${magic.toString(16)}`);
    }
    this.#frame = 'skippable';
    return { kind: 'skippable_size' };
  }

  /** RFC 8878, 3.1.1.1.1: how long the rest of the frame header is. */
  #afterDescriptor(descriptor: number): State {
    const isSingleSegment = (descriptor & 0x20) !== 0;
    this.#hasChecksum = (descriptor & 0x04) !== 0;
    const flag = (descriptor >> 6) as 0 | 1 | 2 | 3;
    const size = flag === 0 && isSingleSegment ? 1 : CONTENT_SIZE_BYTES[flag];
    const dictionary = DICTIONARY_ID_BYTES[(descriptor & 3) as 0 | 1 | 2 | 3];
    const left = (isSingleSegment ? 0 : 1) + dictionary + size;
    return { kind: 'pass', left, then: { kind: 'block_header' } };
  }

  /** RFC 8878, 3.1.1.2. */
  #afterBlockHeader(header: number): State {
    const isLast = (header & 1) === 1;
    const type = (header >> 1) & 3;
    const left = type === RLE_BLOCK ? 1 : header >> 3;
    if (!isLast) return { kind: 'pass', left, then: { kind: 'block_header' } };
    return { kind: 'pass', left: left + (this.#hasChecksum ? 4 : 0), then: null };
  }
}

export class ZstdFrameError extends Error {
  override readonly name = 'ZstdFrameError';
}
