import { expect, it } from 'vitest';
import { RecentBatches } from '../../../src/gateway/domain/recent-batches.ts';

it('recent batches are known per device, the oldest forgotten first', () => {
  const batches = new RecentBatches(2);
  const add = (name: string) => batches.add(...(name.split('/') as [string, string]));
  expect(['a/1', 'a/1', 'b/1', 'c/1', 'b/1', 'a/1'].map(add)).toEqual([
    true,
    false,
    true,
    true,
    false,
    true,
  ]);
});
