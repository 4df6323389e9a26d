/** A record batch that cannot be read, now or ever; the message says why. */
export class UnreadableBatchError extends Error {
  override readonly name = 'UnreadableBatchError';
}
