/** A batch as its sender names it; a retry carries the same name. */
export interface BatchName {
  readonly deviceId: string;
  readonly batchId: string;
}

/** Ids hold no control characters, so a line feed separates them. */
export function batchKey({ deviceId, batchId }: BatchName): string {
  return `${deviceId}\n${batchId}`;
}
