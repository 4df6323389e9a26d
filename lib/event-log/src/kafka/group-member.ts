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
import { GroupLostError, LogClosedError, LogUnavailableError } from '../log-errors.ts';
import { assignPartitions } from './assign-partitions.ts';
import {
  currentClaims,
  decodeAssignment,
  decodeSubscription,
  encodeJson,
} from './group-protocol.ts';
import { withDeadline, type KafkaCluster } from './kafka-cluster.ts';
import { answerOf, CODE, isAuthenticationFailure, isTransient } from './protocol-codes.ts';

/** Not 'consumer': of that type the broker reads what the members tell each other. */
const PROTOCOL_TYPE = 'flotilla';
const PROTOCOL_NAME = 'flotilla-sticky';
const REBALANCE_TIMEOUT_MS = 30_000;
const RETRY_MS = 100;
const MAX_HEARTBEAT_MS = 1_000;
const LEAVE_TIMEOUT_MS = 3_000;
const COORDINATOR_IS_GROUP = 0;
const NO_GENERATION = -1;

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
  /** A join waits for the other members, and what comes behind it on a connection waits for it. */
  readonly #joinPool: ConnectionPool;
  readonly #closing = new AbortController();
  #coordinator: number | null = null;
  #memberId = '';
  #current: Membership | null = null;
  #owned: ReadonlySet<string> = new Set();
  /** Of the last assignment it got. */
  #generation = NO_GENERATION;
  /** Partitions it shared out, when it was the one to do that; null otherwise. */
  #shared: number | null = null;
  #settled = Promise.withResolvers<Membership>();
  #lostBy: GroupLostError | null = null;
  #rejoin = new AbortController();
  #loop: Promise<void> | null = null;

  constructor(parts: MemberParts) {
    this.#parts = parts;
    this.#pool = parts.cluster.pool(parts.cluster.attemptMs);
    this.#joinPool = parts.cluster.pool(REBALANCE_TIMEOUT_MS + 10_000);
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
  async coordinator(pool: ConnectionPool = this.#pool): Promise<Connection> {
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
      cluster.learn(found.nodeId, found);
      this.#coordinator = found.nodeId;
    }
    return this.#parts.cluster.nodeConnection(this.#coordinator, pool);
  }

  forgetCoordinator(): void {
    this.#coordinator = null;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#rejoin.abort();
    this.#settled.reject(new LogClosedError('the consumer is closed'));
    // The session's end does the same a few seconds later.
    const leaving = withDeadline(this.#leave(), performance.now() + LEAVE_TIMEOUT_MS);
    await leaving.catch(() => undefined);
    await this.#joinPool.close();
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
        this.#changeCoordinator();
        await delay(RETRY_MS);
      }
    }
  }

  async #join(): Promise<void> {
    const { group, topics, sessionMs } = this.#parts;
    this.#rejoin = new AbortController();
    const connection = await this.coordinator(this.#joinPool);
    const owned = [...this.#owned];
    const metadata = encodeJson({ topics, owned, generation: this.#generation });
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
    this.#shared = null;
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
    const partitions = await this.#partitionsOf(topics);
    this.#shared = partitions.length;
    const shares = assignPartitions(currentClaims(subscriptions), partitions);
    return [...shares].map(([memberId, keys]) => ({ memberId, assignment: encodeJson(keys) }));
  }

  async #partitionsOf(topics: Iterable<string>): Promise<string[]> {
    const partitions: string[] = [];
    for (const topic of topics) {
      const { leaders } = await this.#parts.cluster.topic(topic);
      partitions.push(...leaders.map((_, partition) => `${topic}:${partition}`));
    }
    return partitions;
  }

  async #beatUntilChange(): Promise<void> {
    const everyMs = Math.min(MAX_HEARTBEAT_MS, this.#parts.sessionMs / 4);
    for (;;) {
      await delay(everyMs, undefined, { signal: this.#rejoin.signal }).catch(() => undefined);
      const membership = this.#current;
      if (membership === null || this.#closing.signal.aborted) return;
      const code = await this.#beat(membership);
      if (isRenewable(code)) this.renew(membership, code !== CODE.rebalanceInProgress);
      else if (isTransient(code)) this.#changeCoordinator();
      else if (code !== CODE.none) throw refusal(code, `heartbeat of group ${this.#parts.group}`);
      else if (await this.#hasGrown()) this.renew(membership, false);
    }
  }

  /**
   * The broker's code. A beat that gets no answer is repeated as the same member, so a coordinator
   * that restarts does not make every group share out anew.
   */
  async #beat({ generation, memberId }: Membership): Promise<number> {
    try {
      const connection = await this.coordinator();
      const { group } = this.#parts;
      const request = heartbeatV4.api.async(connection, group, generation, memberId, null);
      return (await answerOf(request)).errorCode;
    } catch (error) {
      if (error instanceof GroupRefusedError || isAuthenticationFailure(error)) throw error;
      return CODE.networkException;
    }
  }

  #changeCoordinator(): void {
    this.#coordinator = null;
    this.#parts.cluster.passOver();
  }

  /** Whether the topics got partitions since this member shared them out. */
  async #hasGrown(): Promise<boolean> {
    if (this.#shared === null) return false;
    return (await this.#partitionsOf(this.#parts.topics)).length > this.#shared;
  }

  #settle(generation: number, owned: ReadonlySet<string>): void {
    // In a generation that passed without it, others may have had any of its partitions.
    const hasMissed = generation > this.#generation + 1;
    const lost = [...this.#owned].filter((key) => hasMissed || !owned.has(key));
    this.#generation = generation;
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
    const members = [{ memberId: this.#memberId, groupInstanceId: null, reason: null }];
    const connection = await this.coordinator();
    await answerOf(leaveGroupV5.api.async(connection, this.#parts.group, members));
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
