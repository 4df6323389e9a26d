import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFinal, type UpdateReport } from '@flotilla/contracts';
import type { TestRepository } from '@flotilla/trust/testing';
import { pino } from 'pino';
import { vi } from 'vitest';
import type { AgentSettings } from '../src/agent-settings.ts';
import { DeviceAgent, type AgentSurroundings } from '../src/device-agent.ts';
import { FakeOtaServer, type ReleaseOptions } from '../src/testing/fake-ota-server.ts';
import { RecordingTelemetry } from '../src/testing/recording-telemetry.ts';
import { testSettings } from '../src/testing/test-settings.ts';

export const silent = pino({ level: 'silent' });

/** A device folder, a server and agents on it, all gone after `dispose`. */
export class AgentBench {
  readonly dir = mkdtempSync(join(tmpdir(), 'flotilla-agent-'));
  readonly server: FakeOtaServer;
  readonly telemetry = new RecordingTelemetry();
  readonly #agents: DeviceAgent[] = [];

  private constructor(server: FakeOtaServer) {
    this.server = server;
  }

  static async create(repository?: TestRepository): Promise<AgentBench> {
    return new AgentBench(await FakeOtaServer.start(repository));
  }

  async start(
    settings: Partial<AgentSettings> = {},
    surroundings: Partial<AgentSurroundings> = {},
  ): Promise<DeviceAgent> {
    const agent = await DeviceAgent.start(testSettings(this.dir, this.server, settings), {
      telemetry: this.telemetry,
      logger: silent,
      now: Date.now,
      monotonicNow: () => performance.now(),
      random: Math.random,
      newId: randomUUID,
      ...surroundings,
    });
    this.#agents.push(agent);
    return agent;
  }

  /** Offers a release and waits for its final report. */
  async update(options: ReleaseOptions): Promise<UpdateReport> {
    this.server.offer = this.server.deployment(options);
    return this.finalReport(options.campaignId, options.round);
  }

  async finalReport(campaignId = 'cmp_000000000001', round = 1): Promise<UpdateReport> {
    return vi.waitFor(
      () => {
        const report = this.server.reports.find(
          (r) => r.campaignId === campaignId && r.round === round && isFinal(r.state),
        );
        if (report === undefined) throw new Error(`no final report of ${campaignId}`);
        return report;
      },
      { timeout: 20_000, interval: 10 },
    );
  }

  /** Which slot `current` names, and the digest of everything in it. */
  runningSlotDigest(): string {
    return treeDigest(join(this.dir, 'slots', 'current'));
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.stop().catch(() => undefined)));
    await this.server.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** SHA-256 over names and contents below a folder. */
export function treeDigest(folder: string): string {
  const hash = createHash('sha256');
  const names = readdirSync(folder, { recursive: true }).map(String).sort();
  for (const name of names) {
    const path = join(folder, name);
    hash.update(`${name}\0`);
    if (statSync(path).isFile()) hash.update(readFileSync(path));
  }
  return hash.digest('hex');
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
