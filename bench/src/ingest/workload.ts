import { WireWriter } from '@flotilla/otlp';
import { attribute, nested } from '../harness/otlp-fields.ts';

/** Digits of a device's number, so that all ids have one length and can be written in place. */
const ID_DIGITS = 7;
const ID_PREFIX = 'bench-';
const NANOSECONDS_PER_MS = 1_000_000n;
const STEP_MS = 10_000;

/** How telemetry comes: alone from each device, or through a gateway that speaks for many. */
export interface Shape {
  readonly name: 'agent' | 'gateway';
  readonly devicesPerRequest: number;
  readonly pointsPerDevice: number;
}

export const AGENT_SHAPE: Shape = { name: 'agent', devicesPerRequest: 1, pointsPerDevice: 30 };
export const GATEWAY_SHAPE: Shape = { name: 'gateway', devicesPerRequest: 50, pointsPerDevice: 30 };

/** Prefix of all device ids, as a gateway's token names them. */
export const DEVICE_PREFIX = ID_PREFIX;

export function deviceId(index: number): string {
  return ID_PREFIX + String(index).padStart(ID_DIGITS, '0');
}

export function pointsPerRequest(shape: Shape): number {
  return shape.devicesPerRequest * shape.pointsPerDevice;
}

/**
 * Bodies of one shape, made from a template: device ids and times are written over the template's,
 * so that a request costs the load generator next to nothing.
 */
export class BodyTemplate {
  readonly shape: Shape;
  readonly #bytes: Buffer;
  readonly #idOffsets: readonly number[];
  readonly #timeOffsets: readonly number[];
  readonly #startMs: number;

  constructor(shape: Shape, startMs: number) {
    this.shape = shape;
    this.#startMs = startMs;
    const time = BigInt(startMs) * NANOSECONDS_PER_MS;
    this.#bytes = encodeTemplate(shape, time);
    this.#idOffsets = offsetsOf(this.#bytes, Buffer.from(deviceId(0)));
    const needle = Buffer.alloc(8);
    needle.writeBigUInt64LE(time);
    this.#timeOffsets = offsetsOf(this.#bytes, needle);
    if (
      this.#idOffsets.length !== shape.devicesPerRequest ||
      this.#timeOffsets.length !== pointsPerRequest(shape)
    ) {
      throw new Error('the template does not hold its ids and times exactly once');
    }
  }

  get sizeBytes(): number {
    return this.#bytes.length;
  }

  /** Writes a body at `offset`: devices from `firstDevice` on, each at its `sequence`-th interval. */
  writeTo(target: Buffer, offset: number, firstDevice: number, sequence: number): void {
    this.#bytes.copy(target, offset);
    for (const [i, at] of this.#idOffsets.entries()) {
      target.write(deviceId(firstDevice + i), offset + at, 'latin1');
    }
    const time = BigInt(this.#startMs + sequence * STEP_MS) * NANOSECONDS_PER_MS;
    const low = Number(time & 0xffff_ffffn);
    const high = Number(time >> 32n);
    for (const at of this.#timeOffsets) {
      target.writeUInt32LE(low, offset + at);
      target.writeUInt32LE(high, offset + at + 4);
    }
  }
}

function offsetsOf(bytes: Buffer, needle: Buffer): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + needle.length)) {
    found.push(at);
  }
  return found;
}

/** Field numbers of opentelemetry-proto 1.x: ExportMetricsServiceRequest and what it holds. */
function encodeTemplate(shape: Shape, time: bigint): Buffer {
  const writer = new WireWriter(64 * 1024);
  for (let i = 0; i < shape.devicesPerRequest; i += 1) {
    nested(writer, 1, () => {
      nested(writer, 1, () => {
        attribute(writer, 1, 'service.name', 'flotilla-device');
        attribute(writer, 1, 'service.version', '1.4.2');
        attribute(writer, 1, 'device.id', deviceId(0));
        attribute(writer, 1, 'device.model.identifier', 'm1');
        attribute(writer, 1, 'flotilla.device.group', 'default');
      });
      nested(writer, 2, () => {
        nested(writer, 1, () => writer.string(1, 'flotilla.agent'));
        for (let point = 0; point < shape.pointsPerDevice; point += 3) {
          encodeMetric(writer, point, shape.pointsPerDevice, time);
        }
      });
    });
  }
  return writer.finish();
}

/** Three points of one metric; two metrics of three are gauges, one is a cumulative sum. */
function encodeMetric(writer: WireWriter, first: number, points: number, time: bigint): void {
  const index = Math.floor(first / 3);
  const isSum = index % 3 === 2;
  nested(writer, 2, () => {
    writer.string(1, METRICS[index % METRICS.length] ?? 'system.uptime');
    writer.string(3, '1');
    nested(writer, isSum ? 7 : 5, () => {
      for (let point = first; point < Math.min(first + 3, points); point += 1) {
        nested(writer, 1, () => {
          writer.fixed64(3, time);
          writer.double(4, 0.1 + point / 7);
          attribute(writer, 7, 'state', STATES[point % STATES.length] ?? '');
        });
      }
      if (isSum) {
        writer.uint64(2, 2);
        writer.bool(3, true);
      }
    });
  });
}

const METRICS = [
  'system.cpu.utilization',
  'system.memory.utilization',
  'system.cpu.time',
  'system.filesystem.utilization',
  'system.memory.usage',
  'system.network.io',
  'hw.temperature',
  'system.filesystem.usage',
  'system.disk.io',
  'flotilla.agent.queue.items',
] as const;
const STATES = ['user', 'system', 'idle'] as const;
