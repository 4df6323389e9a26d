import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokenFor } from '../testing/collector-harness.ts';
import { CollectorChild } from './collector-child.ts';
import { FuzzClient } from './fuzz-client.ts';
import { DEVICE, MAX_BODY_BYTES } from './fuzz-input.ts';
import { fuzz, type FuzzOutcome } from './fuzz-run.ts';
import { HTTP_MUTATIONS } from './http-mutations.ts';
import { PROTOBUF_MUTATIONS } from './protobuf-mutations.ts';

/** A long run: FUZZ_INPUTS=200000; a run again: FUZZ_SEED=<as printed>. */
const INPUTS = Number(process.env['FUZZ_INPUTS'] ?? 5000);
const SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const CONNECTIONS = 6;
const CLASSES = [...PROTOBUF_MUTATIONS, ...HTTP_MUTATIONS];

const MIB = 1024 * 1024;
/** What a process may hold more after thousands of requests than it did once warm. */
const HELD_GROWTH_BYTES = 4 * MIB;

let child: CollectorChild;
let client: FuzzClient;

beforeAll(async () => {
  child = await CollectorChild.start({ FLOTILLA_MAX_BODY_BYTES: String(MAX_BODY_BYTES) });
  client = new FuzzClient(child.addresses['otlp']!, await tokenFor(DEVICE), CONNECTIONS);
});
afterAll(async () => {
  client.close();
  await child.stop();
});

const run = (inputs: number, seed: number): Promise<FuzzOutcome> =>
  fuzz(child, client, { classes: CLASSES, inputs, seed, parallel: CONNECTIONS });

const held = async () => {
  const { heapUsed, external } = await child.memory();
  return heapUsed + external;
};

describe(`the OTLP/HTTP receiver under ${INPUTS} broken requests, FUZZ_SEED=${SEED}`, () => {
  it('answers each as its kind demands, keeps its connections and its memory', async () => {
    // Compiled code, caches and the log's first pages are there after this.
    const warm = await run(Math.min(INPUTS, 1500), SEED ^ 1);
    expect(warm.surprises, `FUZZ_SEED=${SEED}`).toEqual([]);
    const before = await held();

    const outcome = await run(INPUTS, SEED);
    if (process.env['FUZZ_INPUTS'] !== undefined) console.log(outcome.statuses);
    expect(outcome.surprises, `FUZZ_SEED=${SEED}`).toEqual([]);
    expect((await held()) - before, `FUZZ_SEED=${SEED}`).toBeLessThan(HELD_GROWTH_BYTES);
    expect(client.opened).toBeLessThanOrEqual(CONNECTIONS + client.closedByServer);
    for (const { name, expected } of CLASSES) {
      // A class that never meets one of its answers is broken or too wide.
      const seen = [...(outcome.statuses.get(name)?.keys() ?? [])].sort();
      if (expected.length === 1) expect(seen, name).toEqual(expected);
      else expect(seen, name).toContain(400);
    }
  }, 3_600_000);

  it('stops when asked, with nothing left that broke it', async () => {
    expect(await child.stop()).toBe(0);
  });
});
