import { ProblemError } from '@flotilla/service';
import type { Caller } from '../admit/caller.ts';
import { correctTimes, type ClockRule } from '../admit/clock-skew.ts';
import { walkItems } from '../admit/item-walk.ts';
import { readResources, type ResourceEntry } from '../admit/resource-identity.ts';
import { WireError } from '../admit/wire-cursor.ts';
import type { CollectorMetrics } from '../collector-metrics.ts';
import type { Arrival, Credentials, ExportResult, Signal, Telemetry } from './export-request.ts';

/**
 * What the receivers need of whoever runs them; HTTP and gRPC share it, and a process with another
 * destination brings its own `forward` (see `startReceivers`).
 */
export interface ReceiveParts {
  /** Whose request is it? Throws ProblemError `unauthenticated` or `forbidden`. */
  readonly authenticate: (credentials: Credentials) => Caller | Promise<Caller>;
  readonly admission: {
    /** Throws ProblemError `too_many_requests`; asked before the body is read. */
    readonly admit: (caller: Caller, nowMs: number) => void;
    readonly charge: (caller: Caller, sizeBytes: number) => void;
  };
  /**
   * Resolves once every part is durable: the sender is told so and forgets them. Throws ProblemError
   * `unavailable` with Retry-After otherwise, and then the sender repeats the whole request.
   */
  readonly forward: (signal: Signal, parts: readonly Telemetry[]) => Promise<void>;
  readonly metrics: CollectorMetrics;
  readonly clockRule: ClockRule;
  /** Largest request, counted after decompression. */
  readonly maxBodyBytes: number;
  readonly clock: () => number;
}

/** Takes one export request in. Throws ProblemError for a refusal; each is counted, and so is success. */
export async function receive(arrival: Arrival, parts: ReceiveParts): Promise<ExportResult> {
  const { signal } = arrival.signal;
  try {
    const { result, outcome } = await takeIn(arrival, parts);
    parts.metrics.countRequest(signal, outcome);
    return result;
  } catch (error) {
    const problem = error instanceof ProblemError ? error : unexpected(error);
    parts.metrics.countRequest(signal, problem.code);
    throw problem;
  }
}

const ALL_TAKEN: ExportResult = { rejectedItems: 0, message: '' };

interface Taken {
  readonly result: ExportResult;
  readonly outcome: 'accepted' | 'partial' | 'empty';
}

async function takeIn(arrival: Arrival, parts: ReceiveParts): Promise<Taken> {
  const known = parts.authenticate(arrival.credentials);
  const caller = known instanceof Promise ? await known : known;
  parts.admission.admit(caller, parts.clock());
  const batchId = arrival.readBatchId();
  // At once, so that many slow bodies side by side count before any of them has ended.
  if (arrival.declaredBytes > 0) parts.admission.charge(caller, arrival.declaredBytes);
  const read = arrival.readBody();
  const body = read instanceof Promise ? await read : read;
  parts.admission.charge(caller, body.length - arrival.declaredBytes);
  const reading = readResources(body, caller);
  if (!reading.wellFormed) throw malformed(reading.reason);
  const { entries } = reading;
  if (entries.length === 0) return { result: ALL_TAKEN, outcome: 'empty' };
  const refused = entries.filter(({ refusal }) => refusal !== null);
  const [first] = refused;
  // A device has no business with anybody else's resources; a gateway's others must not suffer.
  if (first !== undefined && (caller.gatewayFor === null || refused.length === entries.length)) {
    const detail = `resource ${entries.indexOf(first)}: ${first.refusal ?? ''}`;
    throw new ProblemError('identity_mismatch', { detail });
  }
  try {
    const telemetry = toTelemetry(arrival.signal, batchId, body, entries, parts);
    const rejectedItems = countItems(arrival.signal, body, refused);
    await parts.forward(arrival.signal, telemetry);
    if (first === undefined) return { result: ALL_TAKEN, outcome: 'accepted' };
    parts.metrics.countRejected(arrival.signal.signal, rejectedItems);
    return { result: { rejectedItems, message: first.refusal ?? '' }, outcome: 'partial' };
  } catch (error) {
    throw error instanceof WireError ? malformed(error.message) : error;
  }
}

/** One part per device; the body as it came when it is all one device's. */
function toTelemetry(
  signal: Signal,
  batchId: string | null,
  body: Buffer,
  entries: readonly ResourceEntry[],
  { clockRule, clock, metrics }: ReceiveParts,
): Telemetry[] {
  const devices = new Map<string, { pieces: Buffer[]; clockOffsetMs: number | undefined }>();
  for (const entry of entries) {
    if (entry.deviceId === null) continue;
    const { items, offsetMs } = correctTimes(signal.signal, body, entry, clockRule, clock());
    if (offsetMs !== undefined) metrics.countRedated(signal.signal, items);
    let device = devices.get(entry.deviceId);
    if (device === undefined) {
      device = { pieces: [], clockOffsetMs: undefined };
      devices.set(entry.deviceId, device);
    }
    device.pieces.push(body.subarray(entry.start, entry.end));
    device.clockOffsetMs ??= offsetMs;
  }
  const whole = devices.size === 1 && entries.every(({ deviceId }) => deviceId !== null);
  return Array.from(devices, ([deviceId, { pieces, clockOffsetMs }]) => ({
    deviceId,
    batchId,
    body: whole ? body : Buffer.concat(pieces),
    ...(clockOffsetMs !== undefined && { clockOffsetMs }),
  }));
}

function countItems(signal: Signal, body: Buffer, entries: readonly ResourceEntry[]): number {
  if (entries.length === 0) return 0;
  const ignore = () => undefined;
  return entries.reduce((sum, entry) => sum + walkItems(signal.signal, body, entry, ignore), 0);
}

function malformed(reason: string): ProblemError {
  return new ProblemError('malformed_body', { detail: `not an OTLP request: ${reason}` });
}

/** An internal message may name paths, so it stays in the cause. */
function unexpected(cause: unknown): ProblemError {
  return new ProblemError('internal', { detail: 'the collector failed', cause });
}
