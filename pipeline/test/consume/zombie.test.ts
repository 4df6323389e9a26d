import { HEADER_BATCH_ID } from '@flotilla/contracts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EncodedRange } from '../../src/consume/encoded-range.ts';
import { donePosition, pendingPosition } from '../../src/consume/pending-range.ts';
import type { RangeBatch } from '../../src/consume/range-batch.ts';
import type { Confirm } from '../../src/consume/range-store.ts';
import { logRecord, logsRequest } from '../decode/otlp-samples.ts';
import { ingestHarness } from './ingest-harness.ts';
import { ScriptedLog, type ScriptedConsumer } from './scripted-log.ts';

/** A warehouse that takes one insert per token while it remembers it, as the engine does. */
class FakeWarehouse {
  readonly rows: number[] = [];
  readonly tokens = new Set<string>();

  insert({ range, batches }: EncodedRange): void {
    const token = `${range.start}-${range.end}`;
    if (this.tokens.has(token)) return;
    this.tokens.add(token);
    this.rows.push(...batches.map(({ offset }) => offset));
  }
}

/** One process's way to the warehouse; an insert may be parked on it for as long as a test likes. */
class FakeLoader {
  readonly #warehouse: FakeWarehouse;
  readonly attempts: EncodedRange[] = [];
  /** Inserts wait for it. */
  parked: PromiseWithResolvers<void> | null = null;

  constructor(warehouse: FakeWarehouse) {
    this.#warehouse = warehouse;
  }

  async store({ ranges }: RangeBatch, confirm: Confirm): Promise<void> {
    await confirm();
    this.attempts.push(...ranges);
    await this.parked?.promise;
    for (const encoded of ranges) this.#warehouse.insert(encoded);
  }
}

let log: ScriptedLog;
let warehouse: FakeWarehouse;
let abort: AbortController;
let skewMs: number;
const running: Promise<void>[] = [];

beforeEach(() => {
  log = new ScriptedLog();
  warehouse = new FakeWarehouse();
  abort = new AbortController();
  skewMs = 0;
  for (let offset = 0; offset < 6; offset += 1) {
    const headers = { [HEADER_BATCH_ID]: `b${offset}` };
    log.add(offset, logsRequest([logRecord('d1', 1_000)]), headers);
  }
});
afterEach(async () => {
  abort.abort();
  await Promise.all(running.splice(0));
});

/** A pipeline process on the scripted log. */
function startProcess(): {
  member: ScriptedConsumer;
  loader: FakeLoader;
  begin: () => ReturnType<typeof ingestHarness>['loop'];
} {
  const member = log.member();
  const loader = new FakeLoader(warehouse);
  const clock = () => Date.now() + skewMs;
  const { loop } = ingestHarness({ consumer: member, loader, clock });
  return {
    member,
    loader,
    begin: () => {
      running.push(loop.run(abort.signal));
      return loop;
    },
  };
}

/** Begins on the partition and is stopped in the middle of its first insert. */
async function startZombie() {
  const process = startProcess();
  log.giveTo(process.member);
  process.loader.parked = Promise.withResolvers();
  const loop = process.begin();
  await vi.waitFor(() => expect(process.loader.attempts).toHaveLength(1));
  process.member.isStopped = true;
  return { ...process, loop };
}

/** Takes the partition over and stores all of it. */
async function startHeir() {
  const process = startProcess();
  log.giveTo(process.member);
  process.begin();
  await vi.waitFor(() => expect(log.position).toEqual(donePosition({ start: 4, end: 6 })));
  return process;
}

describe('a process that was stopped in the middle of an insert while another took over', () => {
  it('does no harm when the insert arrives late', async () => {
    const zombie = await startZombie();
    expect(log.position).toEqual(pendingPosition({ start: 0, end: 2 }));
    const heir = await startHeir();
    expect(heir.loader.attempts[0]?.range).toEqual({ start: 0, end: 2 });
    zombie.loader.parked?.resolve();
    zombie.loader.parked = null;
    // It learns of the loss as it commits, and is a member without partitions from then on.
    zombie.member.isStopped = false;
    const asked = vi.spyOn(zombie.member, 'assignment');
    await vi.waitFor(() => expect(asked.mock.results.length).toBeGreaterThan(2));
    expect(warehouse.rows).toEqual([0, 1, 2, 3, 4, 5]);
    expect(log.position).toEqual(donePosition({ start: 4, end: 6 }));
    expect(zombie.member.commits).toEqual([pendingPosition({ start: 0, end: 2 })]);
    expect(zombie.loader.attempts).toHaveLength(1);
    expect(zombie.loop.blockedBy).toBeNull();
  });

  it('does not repeat a failed insert, for the warehouse may have forgotten its token', async () => {
    const zombie = await startZombie();
    await startHeir();
    warehouse.tokens.clear();
    // It still believes that the partition is its own; only the group's answer tells otherwise.
    zombie.loader.parked?.reject(new Error('cut off'));
    zombie.loader.parked = null;
    await vi.waitFor(() => expect(zombie.member.refusals).toBeGreaterThan(1));
    zombie.member.isStopped = false;
    expect(warehouse.rows).toEqual([0, 1, 2, 3, 4, 5]);
    expect(zombie.loader.attempts).toHaveLength(1);
    expect(log.position).toEqual(donePosition({ start: 4, end: 6 }));
  });

  it('asks the group again between two tables when long has passed', async () => {
    const process = startProcess();
    log.giveTo(process.member);
    const { promise, resolve } = Promise.withResolvers<void>();
    const asked: string[] = [];
    vi.spyOn(process.loader, 'store').mockImplementation(async (_batch, confirm) => {
      await confirm();
      asked.push('first table');
      await promise;
      await confirm();
      asked.push('second table');
    });
    process.begin();
    await vi.waitFor(() => expect(asked).toEqual(['first table']));
    process.member.isStopped = true;
    const heir = await startHeir();
    skewMs = 60_000;
    const commits = vi.spyOn(process.member, 'commit');
    resolve();
    await vi.waitFor(() => expect(commits.mock.settledResults.length).toBe(1));
    process.member.isStopped = false;
    expect(asked).toEqual(['first table']);
    expect(warehouse.rows).toEqual([0, 1, 2, 3, 4, 5]);
    expect(heir.member.commits.at(-1)).toEqual(log.position);
  });

  it('takes the partition up from where the other left it, when it comes back', async () => {
    const zombie = await startZombie();
    await startHeir();
    const close = log.owner?.close.bind(log.owner);
    log.add(6, logsRequest([logRecord('d1', 1_000)]), { [HEADER_BATCH_ID]: 'b6' });
    await close?.();
    log.giveTo(zombie.member);
    zombie.member.isLossUntold = true;
    zombie.loader.parked?.resolve();
    zombie.loader.parked = null;
    zombie.member.isStopped = false;
    await vi.waitFor(() => expect(log.position).toEqual(donePosition({ start: 6, end: 7 })));
    expect(warehouse.rows).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });
});
