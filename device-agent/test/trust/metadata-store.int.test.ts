import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MetadataSet } from '@flotilla/trust';
import { TestRepository } from '@flotilla/trust/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeThrough, type DurableStep } from '../../src/disk/durable-step.ts';
import { MetadataStore } from '../../src/trust/metadata-store.ts';
import { silent } from '../agent-bench.ts';

let folder: string;
let repository: TestRepository;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-trust-'));
  repository = new TestRepository();
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (step = writeThrough, pinned = repository.pinnedRoot) =>
  MetadataStore.open(folder, pinned, step, silent);
const setOf = (name: string): MetadataSet => ({
  root: repository.pinnedRoot,
  timestamp: `timestamp ${name}`,
  snapshot: `snapshot ${name}`,
  targets: `targets ${name}`,
});
const copy = (index: number) => join(folder, `set-${index}.json`);
const noise = (text: string) => text.replace('targets', 'tbrgets');

describe('what a device trusts', () => {
  it('starts at the pinned root, and writes nothing before it knows more', async () => {
    expect((await open()).trusted.root).toBe(repository.pinnedRoot);
    expect(existsSync(copy(0))).toBe(false);
  });

  it('is the old set or the new one, wherever the power goes, and never goes back', async () => {
    await (await open()).save(setOf('1'));
    for (const cutAt of [0, 1]) {
      for (const side of ['before', 'after'] as const) {
        let count = 0;
        const cut: DurableStep = async (_name, write) => {
          if (count === cutAt && side === 'before') throw new Error('power cut');
          await write();
          if (count === cutAt) throw new Error('power cut');
          count += 1;
        };
        const before = (await open()).trusted;
        const next = setOf(`${cutAt} ${side}`);
        await expect((await open(cut)).save(next)).rejects.toThrow('power cut');
        const { trusted } = await open();
        expect(trusted).toEqual(cutAt === 0 && side === 'before' ? before : next);
        // Healed: both copies are the same again, so one may now be lost.
        expect(readFileSync(copy(0), 'utf8')).toBe(readFileSync(copy(1), 'utf8'));
      }
    }
  });

  it.each([0, 1])('survives damage to copy %i with the versions it had', async (index) => {
    const store = await open();
    await store.save(setOf('1'));
    await store.save(setOf('2'));
    for (const damage of [noise, () => '', () => '{"sha256":"","body":"{}"}', () => 'x']) {
      writeFileSync(copy(index), damage(readFileSync(copy(index), 'utf8')));
      expect((await open()).trusted).toEqual(setOf('2'));
      expect(readFileSync(copy(0), 'utf8')).toBe(readFileSync(copy(1), 'utf8'));
    }
  });

  it('begins again at the pinned root when both copies are gone', async () => {
    await (await open()).save(setOf('1'));
    for (const index of [0, 1]) writeFileSync(copy(index), 'noise');
    expect((await open()).trusted).toEqual({
      root: repository.pinnedRoot,
      timestamp: null,
      snapshot: null,
      targets: null,
    });
  });

  it('takes a pinned root that is newer than its own, and no older one', async () => {
    await (await open()).save(setOf('1'));
    repository.rotate('root');
    const second = repository.files.get('2.root.json')!;
    expect((await open(writeThrough, second)).trusted).toEqual({ ...setOf('1'), root: second });
    expect((await open()).trusted.root).toBe(second);
  });
});
