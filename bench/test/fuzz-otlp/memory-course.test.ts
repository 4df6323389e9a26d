import { describe, expect, it } from 'vitest';
import { growthOf, type MemoryLook } from '../../src/fuzz-otlp/memory-course.ts';

const MIB = 1024 * 1024;
/** Ten looks at a process that grows to 100 MiB more and no further, and leaks so much an input. */
function course(leakBytes: number, noise: (part: number) => number = () => 0): MemoryLook[] {
  return Array.from({ length: 11 }, (_, part) => {
    const inputs = part * 20_000;
    const leaked = (inputs * leakBytes) / MIB;
    const settling = 100 * (1 - Math.exp(-part));
    return { inputs, held: 40 + leaked, ownPages: 200 + settling + leaked + noise(part) };
  });
}

describe('the course of memory', () => {
  it('is flat once a process has settled, whatever it took until then', () => {
    const { heldBytesPerInput, ownBytesPerInput } = growthOf(course(0));
    expect(heldBytesPerInput).toBe(0);
    expect(ownBytesPerInput).toBeLessThan(10);
  });

  it('shows a leak of 100 bytes an input, in spite of odd looks', () => {
    const noise = (part: number) => (part === 8 ? 60 : part % 2);
    const { heldBytesPerInput, ownBytesPerInput } = growthOf(course(100, noise));
    expect(heldBytesPerInput).toBeCloseTo(100);
    expect(ownBytesPerInput).toBeGreaterThan(80);
  });

  it('needs four looks', () => {
    expect(() => growthOf(course(0).slice(0, 3))).toThrow(RangeError);
  });
});
