/** The last target bytes, as contexts see them. Survives block borders. */
export class TargetHistory {
  /** The last four bytes, newest lowest. */
  last4 = 0;
  /** The four before those. */
  before4 = 0;
  /** Hash of the letters and digits since the last byte that is neither. */
  word = 0;
  /** Target offset of the next byte. */
  offset = 0;

  push(byte: number): void {
    this.before4 = (this.before4 << 8) | (this.last4 >>> 24);
    this.last4 = (this.last4 << 8) | byte;
    this.offset++;
    const isWord =
      (byte >= 97 && byte <= 122) ||
      (byte >= 65 && byte <= 90) ||
      (byte >= 48 && byte <= 57) ||
      byte === 95 ||
      byte >= 128;
    this.word = isWord ? Math.imul(this.word + byte + 1, 0x2f0b4c47) | 0 : 0;
  }

  /** Passes over bytes of which only the last eight leave a trace. */
  pass(target: Uint8Array, start: number, length: number): void {
    const passed = Math.max(length - 8, 0);
    this.offset += passed;
    this.word = 0;
    for (let i = start + passed; i < start + length; i++) this.push(target[i] as number);
  }
}
