import { ManagedProcess, type ManagedProcessEvents, type ProcessSpec } from './managed-process.ts';

/** A set of processes, stopped in the reverse order of their stages. */
export class Supervisor {
  readonly #processes = new Map<string, ManagedProcess>();
  readonly #events: ManagedProcessEvents;

  constructor(events: ManagedProcessEvents = {}) {
    this.#events = events;
  }

  /** Starts one process and waits until it serves; returns the addresses it announced. */
  async start(spec: ProcessSpec): Promise<Readonly<Record<string, string>>> {
    if (this.#processes.has(spec.name)) throw new Error(`${spec.name} is started already`);
    const child = new ManagedProcess(spec, this.#events);
    this.#processes.set(spec.name, child);
    await child.start();
    return child.addresses;
  }

  get(name: string): ManagedProcess {
    const child = this.#processes.get(name);
    if (child === undefined) throw new Error(`there is no process ${name}`);
    return child;
  }

  get names(): string[] {
    return [...this.#processes.keys()];
  }

  /** Stops the named ones together, e.g. all agents. */
  async stop(names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.get(name).stop()));
    for (const name of names) this.#processes.delete(name);
  }

  /** Stops everything, stage by stage from the highest. */
  async stopAll(): Promise<void> {
    const byStage = Map.groupBy(this.#processes.values(), (child) => child.spec.stage);
    for (const stage of [...byStage.keys()].sort((a, b) => b - a)) {
      await this.stop((byStage.get(stage) ?? []).map((child) => child.spec.name));
    }
  }
}
