/** Steps that undo what was started, run once in reverse order, whatever asks for it first. */
export class Shutdown {
  readonly #steps: (() => Promise<void> | void)[] = [];
  #running: Promise<void> | null = null;

  add(step: () => Promise<void> | void): void {
    this.#steps.push(step);
  }

  /** A step that fails does not keep the others from running; the first fault is thrown at the end. */
  run(): Promise<void> {
    this.#running ??= this.#runSteps();
    return this.#running;
  }

  /** SIGINT and SIGTERM stop the process cleanly: exit code 0, or 1 when a step failed. */
  onSignals(say: (text: string) => void): void {
    const stop = () => {
      if (this.#running !== null) return;
      say('\nstopping …');
      this.run().then(
        () => {
          say('stopped.');
          process.exit(0);
        },
        (error: unknown) => {
          process.stderr.write(`could not stop cleanly: ${String(error)}\n`);
          process.exit(1);
        },
      );
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  }

  async #runSteps(): Promise<void> {
    const faults: unknown[] = [];
    for (const step of this.#steps.reverse()) {
      try {
        await step();
      } catch (error) {
        faults.push(error);
      }
    }
    if (faults.length > 0) throw faults[0];
  }
}
