import type { UpdateReason } from '@flotilla/contracts';
import { isDiskFault, isDiskFull } from './disk/durable-file.ts';

/** An update this device will not take, with the reason it reports. */
export class UpdateRefusal extends Error {
  override readonly name = 'UpdateRefusal';
  readonly reason: UpdateReason;
  /** `detail` is one sentence for a person. */
  constructor(reason: UpdateReason, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.reason = reason;
  }
}

/** What to report for whatever went wrong; a full disk and a broken one are told apart. */
export function asRefusal(error: unknown, otherwise: UpdateReason): UpdateRefusal {
  if (error instanceof UpdateRefusal) return error;
  if (isDiskFull(error)) {
    return new UpdateRefusal('no_space', 'the disk is full', { cause: error });
  }
  if (isDiskFault(error)) {
    const detail = `the disk fails: ${error instanceof Error ? error.message : ''}`;
    return new UpdateRefusal('slot_write_failed', detail, { cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new UpdateRefusal(otherwise, message, { cause: error });
}
