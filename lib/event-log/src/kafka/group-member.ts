import {
  findCoordinatorV6,
  heartbeatV4,
  joinGroupV9,
  leaveGroupV5,
  syncGroupV5,
  type Connection,
  type ConnectionPool,
} from '@platformatic/kafka';
import { setTimeout as delay } from 'node:timers/promises';
import { GroupLostError, LogUnavailableError } from '../log-errors.ts';
import { assignPartitions } from './assign-partitions.ts';
import { decodeAssignment, decodeSubscription, encodeJson } from './group-protocol.ts';
import type { KafkaCluster } from './kafka-cluster.ts';
import { answerOf, CODE, isAuthenticationFailure, isTransient } from './protocol-codes.ts';

/** Not 'consumer': of that type the broker reads what the members tell each other. */
const PROTOCOL_TYPE = 'flotilla';
const PROTOCOL_NAME = 'flotilla-sticky';
const REBALANCE_TIMEOUT_MS = 30_000;
const RETRY_MS = 100;
const MAX_HEARTBEAT_MS = 1_000;
const COORDINATOR_IS_GROUP = 0;

export interface Membership {
  readonly generation: number;
  readonly memberId: string;
  readonly owned: ReadonlySet<string>;
}

export interface MemberParts {
  readonly cluster: KafkaCluster;
  readonly group: string;
  readonly topics: readonly string[];
  /** After this long without a heartbeat the group goes on without the member. */
  readonly sessionMs: number;
  /** Called with the partitions the member no longer has, before others can learn of it from us. */
  readonly onLost: (keys: readonly string[]) => void;
  readonly onChange: () => void;
}

/** A code that no retry mends; the member is out of the group. */
class GroupRefusedError extends Error {}

/**
 * One member of a group in the classic protocol: joins, shares partitions out when it leads, beats,
 * joins again when the group changes, leaves at close.
 */
export class GroupMember {
  readonly #parts: MemberParts;
  readonly #pool: ConnectionPool;
  readonly #closing = new AbortController();
  #coordinator: number | null = null;
  #memberId = '';
  #current: Membership | null = null;
  #owned: ReadonlySet<string> = new Set();
  #settled = Promise.withResolvers<Membership>();
  #lostBy: GroupLostError | null = null;
  #rejoin = new AbortController();
  #loop: Promise<void> | null = null;

  constructor(parts: MemberParts) {
    this.#parts = parts;
    this.#pool = parts.cluster.pool(REBALANCE_TIMEOUT_MS + 10_000);
    this.#settled.promise.catch(() => undefined);
  }

  /** Resolves with the first assignment. */
  async start(): Promise<void> {
    this.#loop = this.#run();
    await this.settled(REBALANCE_TIMEOUT_MS);
  }

  get owned(): ReadonlySet<string> {
    if (this.#lostBy !== null) throw this.#lostBy;
    return this.#owned;
  }

  /** The membership, once no rebalance is under way. */
  async settled(timeoutMs: number): Promise<Membership> {
    if (this.#lostBy !== null) throw this.#lostBy;
    if (this.#current !== null) return this.#current;
    const abort = new AbortController();
    const late = delay(timeoutMs, undefined, { signal: abort.signal }).then(() => {
      throw new LogUnavailableError(`group ${this.#parts.group} did not settle in ${timeoutMs} ms`);
    });
    late.catch(() => undefined);
    try {
      return await Promise.race([this.#settled.promise, late]);
    } finally {
      abort.abort();
    }
  }

  /** The broker refused `membership`: join again. `isUnknown` says it no longer knows the member. */
  renew(membership: Membership, isUnknown: boolean): void {
    if (membership !== this.#current) return;
    this.#unsettle();
    if (isUnknown) this.#forgetMember();
    this.#rejoin.abort();
  }

  /** The broker that keeps the group. */
  async coordinator(): Promise<Connection> {
    if (this.#coordinator === null) {
      const { cluster, group } = this.#parts;
      const connection = await cluster.anyConnection(this.#pool);
      const answer = await answerOf(
        findCoordinatorV6.api.async(connection, COORDINATOR_IS_GROUP, [group]),
      );
      const [found] = answer.coordinators;
      if (found === undefined || found.errorCode !== CODE.none) {
        throw refusal(found?.errorCode ?? 15, `no coordinator for group ${group}`);
      }
      this.#coordinator = found.nodeId;
    }
    return this.#parts.cluster.nodeConnection(this.#coordinator, this.#pool);
  }

  forgetCoordinator(): void {
    this.#coordinator = null;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#rejoin.abort();
    await this.#leave();
    await this.#pool.close();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        await this.#join();
        await this.#beatUntilChange();
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        if (error instanceof GroupRefusedError || isAuthenticationFailure(error)) {
          this.#giveUp(error);
          return;
        }
        this.#unsettle();
        this.#coordinator = null;
        await delay(RETRY_MS);
      }
    }
  }

  async #join(): Promise<void> {
    const { group, topics, sessionMs } = this.#parts;
    this.#rejoin = new AbortController();
    const connection = await this.coordinator();
    const metadata = encodeJson({ topics, owned: [...this.#owned] });
    const request = joinGroupV9.api.async(
      ...([connection, group, sessionMs, REBALANCE_TIMEOUT_MS, this.#memberId, null] as const),
      PROTOCOL_TYPE,
      [{ name: PROTOCOL_NAME, metadata }],
      null,
    );
    const joined = await answerOf(request);
    if (joined.errorCode === CODE.memberIdRequired) {
      this.#memberId = joined.memberId;
      return this.#join();
    }
    if (joined.errorCode === CODE.unknownMember) this.#forgetMember();
    if (joined.errorCode !== CODE.none) throw refusal(joined.errorCode, `joining group ${group}`);
    this.#memberId = joined.memberId;
    const isLeader = joined.leader === joined.memberId;
    const shares = isLeader ? await this.#share(joined.members) : [];
    const synced = await answerOf(
      syncGroupV5.api.async(
        ...([connection, group, joined.generationId, joined.memberId, null] as const),
        ...([PROTOCOL_TYPE, PROTOCOL_NAME, shares] as const),
      ),
    );
    if (synced.errorCode === CODE.unknownMember) this.#forgetMember();
    if (synced.errorCode !== CODE.none) throw refusal(synced.errorCode, `syncing group ${group}`);
    this.#settle(joined.generationId, new Set(decodeAssignment(synced.assignment)));
  }

  async #share(members: readonly { memberId: string; metadata: Buffer }[]) {
    const subscriptions = members.map(({ memberId, metadata }) => ({
      memberId,
      ...decodeSubscription(metadata),
    }));
    const topics = new Set(subscriptions.flatMap((subscription) => subscription.topics));
    const partitions: string[] = [];
    for (const topic of topics) {
      const { leaders } = await this.#parts.cluster.topic(topic);
      partitions.push(...leaders.map((_, partition) => `${topic}:${partition}`));
    }
    const shares = assignPartitions(subscriptions, partitions);
    return [...shares].map(([memberId, keys]) => ({ memberId, assignment: encodeJson(keys) }));
  }

  async #beatUntilChange(): Promise<void> {
    const { group, sessionMs } = this.#parts;
    const everyMs = Math.min(MAX_HEARTBEAT_MS, sessionMs / 4);
    for (;;) {
      await delay(everyMs, undefined, { signal: this.#rejoin.signal }).catch(() => undefined);
      const membership = this.#current;
      if (membership === null || this.#closing.signal.aborted) return;
      const { generation, memberId } = membership;
      const { errorCode } = await answerOf(
        heartbeatV4.api.async(await this.coordinator(), group, generation, memberId, null),
      );
      if (errorCode === CODE.none) continue;
      if (isRenewable(errorCode)) this.renew(membership, errorCode !== CODE.rebalanceInProgress);
      else throw refusal(errorCode, `heartbeat of group ${group}`);
    }
  }

  #settle(generation: number, owned: ReadonlySet<string>): void {
    const before = this.#owned;
    const lost = [...before].filter((key) => !owned.has(key));
    this.#owned = owned;
    this.#current = { generation, memberId: this.#memberId, owned };
    if (lost.length > 0) this.#parts.onLost(lost);
    this.#settled.resolve(this.#current);
    this.#parts.onChange();
  }

  #unsettle(): void {
    if (this.#current === null) return;
    this.#current = null;
    this.#settled = Promise.withResolvers<Membership>();
    this.#settled.promise.catch(() => undefined);
  }

  /** The group went on without this member: others may have had its partitions in between. */
  #forgetMember(): void {
    const lost = [...this.#owned];
    this.#memberId = '';
    this.#owned = new Set();
    if (lost.length > 0) this.#parts.onLost(lost);
    this.#parts.onChange();
  }

  #giveUp(cause: unknown): void {
    this.#lostBy = new GroupLostError(`this member is out of group ${this.#parts.group}`, {
      cause,
    });
    this.#settled.reject(this.#lostBy);
    this.#parts.onChange();
  }

  async #leave(): Promise<void> {
    if (this.#memberId === '' || this.#lostBy !== null) return;
    try {
      const members = [{ memberId: this.#memberId, groupInstanceId: null, reason: null }];
      const connection = await this.coordinator();
      await answerOf(leaveGroupV5.api.async(connection, this.#parts.group, members));
    } catch {
      // The session's end does the same a few seconds later.
    }
  }
}

export function isRenewable(code: number): boolean {
  return (
    code === CODE.rebalanceInProgress ||
    code === CODE.illegalGeneration ||
    code === CODE.unknownMember
  );
}

function refusal(code: number, what: string): Error {
  const message = `${what}: Kafka answers code ${code}`;
  return isTransient(code) || isRenewable(code)
    ? new Error(message)
    : new GroupRefusedError(message);
}
