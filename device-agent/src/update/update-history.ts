import { join } from 'node:path';
import {
  campaignIdSchema,
  compareVersions,
  UPDATE_OUTCOMES,
  versionSchema,
} from '@flotilla/contracts';
import type { Logger } from '@flotilla/service';
import { z } from 'zod';
import { readOrSetAside, writeFileDurably } from '../disk/durable-file.ts';
import type { DurableStep } from '../disk/durable-step.ts';

const historySchema = z.object({
  /** Anti-rollback: rises only after a confirmation, or a device that rolls back could boot nothing. */
  highestConfirmedVersion: versionSchema.nullable(),
  /** Newest last. */
  finished: z
    .array(
      z.object({
        campaignId: campaignIdSchema,
        round: z.number().int(),
        outcome: z.enum(UPDATE_OUTCOMES),
      }),
    )
    // What cannot be read here must not cost the bar above.
    .catch([]),
});
type History = z.infer<typeof historySchema>;
export type FinishedRound = History['finished'][number];

const EMPTY: History = { highestConfirmedVersion: null, finished: [] };
/** A campaign is over long before so many others have passed. */
const MAX_FINISHED = 200;

/** What this device has been through, kept across updates. */
export class UpdateHistory {
  readonly #path: string;
  readonly #step: DurableStep;
  #history: History;

  private constructor(path: string, step: DurableStep, history: History) {
    this.#path = path;
    this.#step = step;
    this.#history = history;
  }

  static async open(deviceDir: string, step: DurableStep, logger: Logger): Promise<UpdateHistory> {
    const path = join(deviceDir, 'update-history.json');
    const history = await readOrSetAside(path, historySchema, logger);
    return new UpdateHistory(path, step, history ?? EMPTY);
  }

  get highestConfirmedVersion(): string | null {
    return this.#history.highestConfirmedVersion;
  }

  hasFinished(campaignId: string, round: number): boolean {
    return this.outcomeOf(campaignId, round) !== null;
  }

  /** The last one, for a round may be confirmed first and ordered back later. */
  outcomeOf(campaignId: string, round: number): FinishedRound['outcome'] | null {
    const ended = this.#history.finished.find(isRound(campaignId, round));
    return ended?.outcome ?? null;
  }

  /** A version that is not higher changes nothing. */
  async raiseConfirmedVersion(version: string): Promise<void> {
    const highest = this.#history.highestConfirmedVersion;
    if (highest !== null && compareVersions(version, highest) <= 0) return;
    await this.#save('min-version', { ...this.#history, highestConfirmedVersion: version });
  }

  /** Recording the same round again changes nothing. */
  async recordFinished(round: FinishedRound): Promise<void> {
    if (this.outcomeOf(round.campaignId, round.round) === round.outcome) return;
    const isSame = isRound(round.campaignId, round.round);
    const others = this.#history.finished.filter((other) => !isSame(other));
    const finished = [...others, round].slice(-MAX_FINISHED);
    await this.#save('finished', { ...this.#history, finished });
  }

  async #save(name: string, history: History): Promise<void> {
    await this.#step(`history:${name}`, () =>
      writeFileDurably(this.#path, JSON.stringify(history)),
    );
    this.#history = history;
  }
}

function isRound(campaignId: string, round: number): (other: FinishedRound) => boolean {
  return (other) => other.campaignId === campaignId && other.round === round;
}
