import { describe, expect, it } from 'vitest';
import { partialSuccess } from '../src/partial-success.ts';

describe('partialSuccess', () => {
  it('reads what was not taken', () => {
    const partial = Uint8Array.of(0x0a, 6, 0x08, 3, 0x12, 2, 0x6e, 0x6f);
    expect(partialSuccess(partial)).toEqual({ rejected: 3, reason: 'no' });
  });
  it('is null when all was taken', () => {
    expect(partialSuccess(new Uint8Array())).toBeNull();
  });
  it('says so when the answer is something else', () => {
    const page = new TextEncoder().encode('<html>hello</html>');
    expect(partialSuccess(page)?.rejected).toBe(0);
    expect(partialSuccess(page)?.reason).toMatch('could not be decoded');
  });
});
