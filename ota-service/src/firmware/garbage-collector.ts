import type { GarbageReport } from '@flotilla/contracts';
import type { Logger } from '@flotilla/service';
import type { ArtifactStore, PublishedArtifact } from './artifact-store.ts';
import { decideGarbage } from './domain/garbage-decision.ts';
import type { GarbageStore } from './garbage-store.ts';

/** Far longer than bytes wait for their row, and time to see that a withdrawal was meant. */
export const GARBAGE_GRACE_MS = 24 * 3_600_000;
const INTERVAL_MS = 3_600_000;

export interface GarbageCollectorDeps {
  readonly store: GarbageStore;
  readonly artifacts: Pick<ArtifactStore, 'list' | 'remove'>;
  readonly clock: () => number;
  readonly logger: Logger;
}

/**
 * Removes the bytes that nothing needs; one run at a time. Rows first, bytes last: a kill in between
 * leaves bytes that no row names, which the next run finds, and never a row whose bytes are gone.
 */
export class GarbageCollector {
  readonly #deps: GarbageCollectorDeps;
  #last: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: GarbageCollectorDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.run({ dryRun: false }).catch((err: unknown) =>
        this.#deps.logger.error({ err }, 'garbage collection failed'),
      );
    }, INTERVAL_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#last;
  }

  run(options: { readonly dryRun: boolean }): Promise<GarbageReport> {
    const run = this.#last.then(() => this.#run(options.dryRun));
    this.#last = run.catch(() => undefined);
    return run;
  }

  async #run(dryRun: boolean): Promise<GarbageReport> {
    const { artifacts, clock, logger, store } = this.#deps;
    const nowMs = clock();
    // Bytes before rows: what is published meanwhile is not in the list, or younger than the grace.
    const stored: PublishedArtifact[] = [];
    for await (const artifact of artifacts.list()) stored.push(artifact);
    const decision = decideGarbage({ stored, ...(await store.read()) }, GARBAGE_GRACE_MS, nowMs);
    const removed: GarbageReport['removed'] = [];
    if (!dryRun) await store.giveUp(decision, nowMs);
    for (const { sha256, sizeBytes, reason } of decision.artifacts) {
      const gone = dryRun || (await artifacts.remove(sha256, nowMs - GARBAGE_GRACE_MS));
      if (gone) removed.push({ sha256, sizeBytes, reason });
    }
    const removedBytes = removed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const report = { dryRun, removed, removedBytes, keptCount: stored.length - removed.length };
    if (removed.length > 0) {
      logger.info({ dryRun, removedCount: removed.length, removedBytes }, 'garbage collected');
    }
    return report;
  }
}
