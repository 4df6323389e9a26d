import type { DiskQueue } from '@flotilla/otlp-queue';
import type { Logger } from '@flotilla/service';
import { z } from 'zod';

const NAME = 'agent-runs';
/** `stopped`: in order; `killed`: in any other way, a power cut too. */
export const RESTART_CAUSES = ['stopped', 'killed'] as const;

const runsSchema = z.object({
  /** Runs before this one, by how they ended. */
  stopped: z.number().int(),
  killed: z.number().int(),
  /** Until the run has stopped in order. */
  running: z.boolean(),
});
type Runs = z.output<typeof runsSchema>;

/** Counts the agent's own restarts since its queue was created. A disk that fails is logged. */
export class RunCounter {
  readonly #queue: Pick<DiskQueue, 'mark' | 'enqueueAll'>;
  readonly #logger: Logger;
  readonly #runs: Runs;

  /** Begins a run. */
  constructor(queue: Pick<DiskQueue, 'mark' | 'enqueueAll'>, logger: Logger) {
    this.#queue = queue;
    this.#logger = logger;
    const before = this.#read();
    this.#runs = {
      stopped: (before?.stopped ?? 0) + (before?.running === false ? 1 : 0),
      killed: (before?.killed ?? 0) + (before?.running === true ? 1 : 0),
      running: true,
    };
    this.#write(this.#runs);
  }

  get restarts(): Readonly<Record<(typeof RESTART_CAUSES)[number], number>> {
    return this.#runs;
  }

  stop(): void {
    this.#write({ ...this.#runs, running: false });
  }

  #read(): Runs | null {
    try {
      const text = this.#queue.mark(NAME);
      return text === null ? null : runsSchema.parse(JSON.parse(text));
    } catch (err) {
      this.#logger.error({ err }, 'the count of restarts is unreadable and begins anew');
      return null;
    }
  }

  #write(runs: Runs): void {
    try {
      this.#queue.enqueueAll([], { name: NAME, value: JSON.stringify(runs) });
    } catch (err) {
      this.#logger.error({ err }, 'a restart could not be counted');
    }
  }
}
