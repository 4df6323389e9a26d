/**
 * What members of a group tell each other through the broker: their topics and partitions, and who
 * gets which. Opaque to the broker; JSON, since only our own members read it.
 */
export interface Subscription {
  readonly topics: readonly string[];
  readonly owned: readonly string[];
  /** In which it got them. */
  readonly generation: number;
}

/** What a member had in a generation that others have gone beyond may have been someone's since. */
export function currentClaims<T extends Subscription>(subscriptions: readonly T[]): T[] {
  const latest = Math.max(...subscriptions.map(({ generation }) => generation));
  return subscriptions.map((subscription) =>
    subscription.generation === latest ? subscription : { ...subscription, owned: [] },
  );
}

export function encodeJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

export function decodeSubscription(bytes: Buffer): Subscription {
  return JSON.parse(bytes.toString('utf8')) as Subscription;
}

export function decodeAssignment(bytes: Buffer): string[] {
  return bytes.length === 0 ? [] : (JSON.parse(bytes.toString('utf8')) as string[]);
}
