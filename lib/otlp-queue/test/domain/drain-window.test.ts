import { describe, expect, it } from 'vitest';
import { nextWindow } from '../../src/domain/drain-window.ts';

describe('nextWindow', () => {
  it('doubles while everything is taken, up to its bound', () => {
    const windows = [1];
    for (let round = 0; round < 4; round += 1)
      windows.push(nextWindow(windows.at(-1)!, 'taken', 6));
    expect(windows).toEqual([1, 2, 4, 6, 6]);
  });
  it('falls to one at the first push back', () => {
    expect(nextWindow(8, 'pushed_back', 8)).toBe(1);
  });
  it('does not grow on rounds it could not fill', () => {
    expect(nextWindow(4, 'idle', 8)).toBe(4);
  });
});
