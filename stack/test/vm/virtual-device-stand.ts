import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  FakeOtaServer,
  TEST_MODEL,
  TEST_TOKEN,
} from '@flotilla/device-agent/src/testing/fake-ota-server.ts';
import { startFakeCollector, type FakeCollector } from '@flotilla/otlp-queue/testing';
import { expect, vi } from 'vitest';
import { writeSlotImage, type SlotContents } from '../../vm/slot-image.ts';
import { buildVirtualDevice } from '../../vm/virtual-device.ts';
import { VirtualMachine, type MachineOptions } from '../../vm/virtual-machine.ts';

/** Generous: emulated, and on a machine that has other work. */
export const BOOT_MS = 600_000;
export const UPDATE_MS = 1_200_000;

type Built = Omit<MachineOptions, 'accelerator'>;

/** One virtual device with version 1.0.0 from the factory, and the servers it talks to. */
export class VirtualDeviceStand {
  readonly #dir: string;
  readonly #ota: FakeOtaServer;
  readonly #collector: FakeCollector;
  readonly #built: Built;
  #machine: VirtualMachine | null = null;

  private constructor(dir: string, ota: FakeOtaServer, collector: FakeCollector, built: Built) {
    this.#dir = dir;
    this.#ota = ota;
    this.#collector = collector;
    this.#built = built;
  }

  static async build(): Promise<VirtualDeviceStand> {
    const dir = await mkdtemp(join(tmpdir(), 'flotilla-vm-'));
    const ota = await FakeOtaServer.start();
    ota.pollAfterMs = 1000;
    const collector = await startFakeCollector();
    const built = await buildVirtualDevice(
      dir,
      { version: '1.0.0' },
      {
        deviceId: 'vm-01',
        model: TEST_MODEL,
        token: TEST_TOKEN,
        pinnedRoot: ota.pinnedRoot,
        otaUrl: ota.url,
        collectorUrl: collector.url,
        trialMs: 5000,
        trialBoots: 2,
        pollMs: 1000,
      },
    );
    return new VirtualDeviceStand(dir, ota, collector, built);
  }

  /** The disk is as the factory wrote it, and nothing is offered or reported. */
  async leaveFactory(): Promise<void> {
    await copyFile(this.#built.disk, this.#disk);
    this.#ota.offer = null;
    this.#ota.reports.length = 0;
  }

  async powerOn(): Promise<VirtualMachine> {
    const options = { ...this.#built, disk: this.#disk, accelerator: 'tcg' } as const;
    this.#machine = await VirtualMachine.powerOn(options);
    return this.#machine;
  }

  /** Safe when it is off. */
  async cutPower(): Promise<void> {
    await this.#machine?.cutPower();
    this.#machine = null;
  }

  async offer(contents: SlotContents): Promise<void> {
    const path = join(this.#dir, `${contents.version}.ext4`);
    await writeSlotImage(path, this.#dir, contents);
    this.#ota.offer = this.#ota.deployment({
      version: contents.version,
      artifact: await readFile(path),
      encoding: 'zstd',
      release: { format: 'image' },
    });
  }

  /** Reported by the update, in order. */
  get states(): string[] {
    return this.#ota.distinctReports.map((report) => report.state);
  }

  get isOver(): boolean {
    return ['confirmed', 'rolled_back'].includes(this.states.at(-1) ?? '');
  }

  async outcome(state: string): Promise<void> {
    const options = { timeout: UPDATE_MS, interval: 500 };
    await vi.waitFor(() => expect(this.states).toContain(state), options);
  }

  async close(): Promise<void> {
    await this.cutPower();
    await this.#ota.stop();
    await this.#collector.close();
    await rm(this.#dir, { recursive: true, force: true });
  }

  get #disk(): string {
    return join(this.#dir, 'device.img');
  }
}
