import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { DeviceAgent } from '../../device-agent.ts';
import type { Firmware, FirmwareHost } from '../../firmware/firmware-process.ts';
import type { BootedSlot } from '../../slots/slot-backend.ts';
import { DEFAULT_UPDATE_SETTINGS } from '../../update-settings.ts';
import type { FakeOtaServer } from '../fake-ota-server.ts';
import { RecordingTelemetry } from '../recording-telemetry.ts';
import { scriptedFirmware } from '../scripted-firmware.ts';
import { FAST_TUNING, testSettings } from '../test-settings.ts';
import type { FailingPower } from './failing-power.ts';
import type { Artifact, SimulatedMachine } from './simulated-machine.ts';

/** Small, so that an image of a few hundred kilobytes has several. */
const CHECKPOINT_BYTES = 48 * 1024;
const NETWORK_BACK_OFF = { baseMs: 5, maxMs: 10 };

export interface MachineRunOptions {
  readonly machine: SimulatedMachine;
  readonly server: Pick<FakeOtaServer, 'url' | 'pinnedRoot'>;
  readonly power: FailingPower;
  readonly old: Artifact;
  readonly next: Artifact;
  /** Whether `next` passes its trial. */
  readonly isGood: boolean;
  /** The agent wants another slot started. */
  readonly reboot: () => void;
}

/** Something started that neither the old nor the new firmware is. */
export class WrongContentError extends Error {
  override readonly name = 'WrongContentError';
}

/** One start of a machine: its boot loader, then the agent. Null when nothing could be started. */
export async function startMachine(options: MachineRunOptions): Promise<DeviceAgent | null> {
  const { machine, server, power, old } = options;
  const booted = await machine.powerOn(power.step);
  if (booted === null) return null;
  const slots = await machine.openSlots(booted, power.step, old.version);
  const settings = testSettings(machine.folder, server, {
    trialMs: 10,
    update: { ...DEFAULT_UPDATE_SETTINGS, checkpointBytes: CHECKPOINT_BYTES },
    tuning: { ...FAST_TUNING, probeIntervalMs: 5, networkBackOff: NETWORK_BACK_OFF },
  });
  return DeviceAgent.start(settings, {
    telemetry: new RecordingTelemetry(),
    logger: pino({ level: 'silent' }),
    now: Date.now,
    monotonicNow: () => performance.now(),
    random: Math.random,
    newId: randomUUID,
    step: power.step,
    slots: power.over(slots),
    host: hostOf(options),
    reboot: () => {
      options.reboot();
      return Promise.resolve();
    },
  });
}

/** Firmware that does as the bytes in its slot say. */
function hostOf({ machine, old, next, isGood }: MachineRunOptions): FirmwareHost {
  return {
    start: ({ slot }: BootedSlot): Firmware => {
      const held = machine.contentOf(slot, [old, next]);
      if (held === null) throw new WrongContentError(`slot ${slot} was started`);
      return scriptedFirmware(held === old || isGood ? 'good' : 'crashing');
    },
  };
}
