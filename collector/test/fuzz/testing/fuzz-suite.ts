import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokenFor } from '../../testing/collector-harness.ts';
import { CollectorChild } from '../collector-child.ts';
import { FuzzClient } from '../fuzz-client.ts';
import { DEVICE, MAX_BODY_BYTES, type FuzzTarget, type Mutation } from '../fuzz-input.ts';
import { fuzz } from '../fuzz-run.ts';
import { GrpcFuzzClient } from '../grpc-client.ts';

/** A long run is `npm run bench -- fuzz-otlp`; a run again: FUZZ_SEED=<as printed>. */
const SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const CONNECTIONS = 6;

const MIB = 1024 * 1024;
/** What a process may hold more after thousands of requests than it did once warm. */
const HELD_GROWTH_BYTES = 4 * MIB;

interface ClosableTarget<Input> extends FuzzTarget<Input> {
  readonly opened: number;
  readonly closedByServer: number;
  close(): void;
}

export const overHttp = (child: CollectorChild, token: string) =>
  new FuzzClient(child.addresses['otlp'] ?? '', token, CONNECTIONS);
export const overGrpc = (child: CollectorChild, token: string) =>
  new GrpcFuzzClient(child.addresses['otlpGrpc'] ?? '', token);

/** Tests of a collector process under `inputs` broken requests of the given classes. */
export function describeFuzz<Input>(
  receiver: string,
  classes: readonly Mutation<Input>[],
  inputs: number,
  clientOf: (child: CollectorChild, token: string) => ClosableTarget<Input>,
): void {
  describe(`${receiver} under ${inputs} broken requests, FUZZ_SEED=${SEED}`, () => {
    let child: CollectorChild;
    let client: ClosableTarget<Input>;
    beforeAll(async () => {
      child = await CollectorChild.start({ FLOTILLA_MAX_BODY_BYTES: String(MAX_BODY_BYTES) });
      client = clientOf(child, await tokenFor(DEVICE));
    });
    afterAll(async () => {
      client.close();
      await child.stop();
    });
    const run = (count: number, seed: number) =>
      fuzz(child, client, { classes, inputs: count, seed, parallel: CONNECTIONS });

    it('answers each as its kind demands, keeps its connections and its memory', async () => {
      // Compiled code, caches and the log's first pages are there after this.
      const warm = await run(Math.min(inputs, 1500), SEED ^ 1);
      expect(warm.surprises, `FUZZ_SEED=${SEED}`).toEqual([]);
      const before = await child.heldBytes();

      const outcome = await run(inputs, SEED);
      expect(outcome.surprises, `FUZZ_SEED=${SEED}`).toEqual([]);
      expect((await child.heldBytes()) - before, `FUZZ_SEED=${SEED}`).toBeLessThan(
        HELD_GROWTH_BYTES,
      );
      expect(client.opened).toBeLessThanOrEqual(CONNECTIONS + client.closedByServer);
      // None is left out by chance.
      expect([...outcome.answers.keys()].sort()).toEqual(classes.map(({ name }) => name).sort());
    }, 3_600_000);

    it('stops when asked, with nothing left that broke it', async () => {
      client.close();
      expect(await child.stop()).toBe(0);
    });
  });
}
