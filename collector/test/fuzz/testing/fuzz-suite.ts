import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokenFor } from '../../testing/collector-harness.ts';
import { CollectorChild } from '../collector-child.ts';
import { FuzzClient } from '../fuzz-client.ts';
import { DEVICE, MAX_BODY_BYTES, type MutationClass } from '../fuzz-input.ts';
import { fuzz } from '../fuzz-run.ts';

/** A long run: FUZZ_INPUTS=200000; a run again: FUZZ_SEED=<as printed>. */
const ASKED_INPUTS = process.env['FUZZ_INPUTS'];
const SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const CONNECTIONS = 6;

const MIB = 1024 * 1024;
/** What a process may hold more after thousands of requests than it did once warm. */
const HELD_GROWTH_BYTES = 4 * MIB;

/** Tests of a collector process under `inputs` broken requests of the given classes. */
export function describeFuzz(
  receiver: string,
  classes: readonly MutationClass[],
  defaultInputs: number,
): void {
  const inputs = Number(ASKED_INPUTS ?? defaultInputs);
  describe(`${receiver} under ${inputs} broken requests, FUZZ_SEED=${SEED}`, () => {
    let child: CollectorChild;
    let client: FuzzClient;
    beforeAll(async () => {
      child = await CollectorChild.start({ FLOTILLA_MAX_BODY_BYTES: String(MAX_BODY_BYTES) });
      client = new FuzzClient(child.addresses['otlp'] ?? '', await tokenFor(DEVICE), CONNECTIONS);
    });
    afterAll(async () => {
      client.close();
      await child.stop();
    });
    const held = async () => {
      const { heapUsed, external } = await child.memory();
      return heapUsed + external;
    };
    const run = (count: number, seed: number) =>
      fuzz(child, client, { classes, inputs: count, seed, parallel: CONNECTIONS });

    it('answers each as its kind demands, keeps its connections and its memory', async () => {
      // Compiled code, caches and the log's first pages are there after this.
      const warm = await run(Math.min(inputs, 1500), SEED ^ 1);
      expect(warm.surprises, `FUZZ_SEED=${SEED}`).toEqual([]);
      const before = await held();

      const outcome = await run(inputs, SEED);
      if (ASKED_INPUTS !== undefined) console.log(outcome.statuses);
      expect(outcome.surprises, `FUZZ_SEED=${SEED}`).toEqual([]);
      expect((await held()) - before, `FUZZ_SEED=${SEED}`).toBeLessThan(HELD_GROWTH_BYTES);
      expect(client.opened).toBeLessThanOrEqual(CONNECTIONS + client.closedByServer);
      // None is left out by chance.
      expect([...outcome.statuses.keys()].sort()).toEqual(classes.map(({ name }) => name).sort());
    }, 3_600_000);

    it('stops when asked, with nothing left that broke it', async () => {
      expect(await child.stop()).toBe(0);
    });
  });
}
