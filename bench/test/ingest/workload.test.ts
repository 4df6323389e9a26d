import { expect, it } from 'vitest';
import { AGENT_SHAPE, BodyTemplate, deviceId, GATEWAY_SHAPE } from '../../src/ingest/workload.ts';

it.each([AGENT_SHAPE, GATEWAY_SHAPE])('writes devices and times into a $name body', (shape) => {
  const startMs = Date.UTC(2026, 0, 1);
  const template = new BodyTemplate(shape, startMs);
  const padded = Buffer.alloc(template.sizeBytes + 6);
  template.writeTo(padded, 3, 7, 2);
  const body = padded.subarray(3, -3);
  const devices = Array.from({ length: shape.devicesPerRequest }, (_, i) => deviceId(7 + i));
  expect(devices.map((id) => occurrences(body, Buffer.from(id)))).toEqual(devices.map(() => 1));
  expect(occurrences(body, Buffer.from(deviceId(0)))).toBe(0);
  expect(occurrences(body, nanoseconds(startMs + 20_000))).toBe(shape.devicesPerRequest * 30);
  expect(occurrences(body, nanoseconds(startMs))).toBe(0);
  expect([...padded.subarray(0, 3), ...padded.subarray(-3)]).toEqual([0, 0, 0, 0, 0, 0]);
});

function nanoseconds(ms: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(ms) * 1_000_000n);
  return bytes;
}

function occurrences(bytes: Buffer, needle: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) count += 1;
  return count;
}
