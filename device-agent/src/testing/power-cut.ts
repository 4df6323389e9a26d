import type { DurableStep } from '../disk/durable-step.ts';

export type CutSide = 'before' | 'after';

/** The n-th durable write (from 1) at which the power goes, before or after it reaches the disk. */
export interface Cut {
  readonly index: number;
  readonly side: CutSide;
}

export class PowerCutError extends Error {
  override readonly name = 'PowerCutError';
}

/** Counts durable writes; after the cut nothing more is written, as by a process that is gone. */
export class CuttablePower {
  readonly names: string[] = [];
  readonly #cut: Cut | null;
  #off = false;

  constructor(cut: Cut | null) {
    this.#cut = cut;
  }

  get isOff(): boolean {
    return this.#off;
  }

  readonly step: DurableStep = async (name, write) => {
    if (this.#off) throw new PowerCutError(name);
    this.names.push(name);
    const here = this.#cut?.index === this.names.length ? this.#cut.side : null;
    if (here === 'before') this.#off = true;
    if (!this.#off) await write();
    if (here === null) return;
    this.#off = true;
    throw new PowerCutError(`${here} ${name}`);
  };
}
