import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { isFinal, type UpdateReport, type UpdateState } from '@flotilla/contracts';
import { ProblemError } from '@flotilla/service';
import type { Offer } from '../../../src/campaigns/campaign-service.ts';
import {
  ACTS,
  CAMPAIGN_ACTS,
  STEPS,
  type CampaignState,
} from '../../../src/campaigns/domain/campaign-machine.ts';
import { exceedsByMoreThanChance } from '../../../src/campaigns/domain/gates/limit-and-chance.ts';
import type { Sequence, Step } from './campaign-sequence.ts';
import { Fleet, GROUP, NEW_VERSION, OLD_VERSION, OTHER_GROUP, type Registries } from './fleet.ts';
import { Crash } from './log-warehouse.ts';

/** How often the interesting things happened, so that a run can show that it tried them. */
export interface Tally {
  offers: number;
  advances: number;
  pauses: number;
  completions: number;
  restarts: number;
  refusals: number;
  orders: number;
}

export const newTally = (): Tally => ({
  offers: 0,
  advances: 0,
  pauses: 0,
  completions: 0,
  restarts: 0,
  refusals: 0,
  orders: 0,
});

/** Runs one sequence against the service; throws an Error that says which promise it broke. */
export async function runSequence(
  registries: Registries,
  sequence: Sequence,
  tally: Tally = newTally(),
): Promise<void> {
  const file = await registries.next();
  const fleet = new Fleet(file);
  try {
    for (let i = 0; i < sequence.devices; i += 1) await fleet.join(GROUP);
    for (let i = 0; i < sequence.others; i += 1) await fleet.join(OTHER_GROUP);
    const { id } = await fleet.create(sequence.rules);
    const run = new Run(fleet, id, sequence, tally);
    for (const step of sequence.steps) await run.take(step);
    await run.checkState();
  } finally {
    await fleet.close();
    await registries.drop(file);
  }
}

/** What one device did, by its own memory. */
interface Memory {
  offer: Offer | null;
  state: UpdateState;
}

class Run {
  readonly #fleet: Fleet;
  readonly #id: string;
  readonly #sequence: Sequence;
  readonly #tally: Tally;
  readonly #memories = new Map<string, Memory>();
  /** Highest rank of each phase, from the devices that were there at the start. */
  readonly #ends: readonly string[];

  constructor(fleet: Fleet, id: string, sequence: Sequence, tally: Tally) {
    this.#fleet = fleet;
    this.#id = id;
    this.#sequence = sequence;
    this.#tally = tally;
    const ranks = fleet.ids.slice(0, sequence.devices).map((device) => this.#rank(device));
    this.#ends = phaseEnds(sequence, ranks.toSorted());
  }

  async take(step: Step): Promise<void> {
    try {
      await this.#take(step);
    } catch (error) {
      if (error instanceof Crash) return this.#restart();
      if (!(error instanceof ProblemError)) throw error;
      // What the service refuses must leave no trace; the state is checked all the same.
      this.#tally.refusals += 1;
    }
  }

  /** The audit log, replayed, is the campaign, and every attempt is of a phase and round it reached. */
  async checkState(): Promise<void> {
    const { database } = this.#fleet;
    const campaign = await this.#campaign();
    const events = await database
      .selectFrom('campaign_events')
      .select(['seq', 'event'])
      .where('campaign_id', '=', this.#id)
      .orderBy('seq')
      .execute();
    // One event may stand for several acts: a campaign is created running, scheduled or to be approved.
    let states: readonly CampaignState[] = ['none'];
    let [phase, round] = [1, 1];
    for (const [index, { seq, event }] of events.entries()) {
      const acts = CAMPAIGN_ACTS.filter((act) => ACTS[act].event === event);
      states = states.flatMap((state) => acts.flatMap((act) => STEPS[state][act] ?? []));
      must(seq === index + 1 && states.length > 0, `the audit log has ${event} as number ${seq}`);
      if (event === 'advanced' || event === 'phase_skipped') phase += 1;
      if (event === 'resumed' || event === 'retried' || event === 'rollback_ordered') round += 1;
    }
    const replayed = [events.length, phase, round];
    const kept = [campaign.row_version, campaign.current_phase, campaign.round];
    must(isDeepStrictEqual(replayed, kept), `replayed ${replayed.join()}, kept ${kept.join()}`);
    must(states.includes(campaign.status), `replayed ${states.join()}, kept ${campaign.status}`);
    const beyond = await database
      .selectFrom('update_attempts')
      .select('device_id')
      .where((eb) => eb.or([eb('phase', '>', phase), eb('round', '>', round)]))
      .execute();
    must(beyond.length === 0, `${beyond.length} attempts beyond phase ${phase} or round ${round}`);
  }

  async #take(step: Step): Promise<void> {
    const { service } = this.#fleet;
    switch (step.kind) {
      case 'poll':
        return this.#poll(this.#device(step.device));
      case 'poll_all':
        for (const id of this.#fleet.ids) await this.#poll(id);
        return;
      case 'report':
        return this.#report(this.#device(step.device), step.state);
      case 'report_all':
        for (const id of this.#fleet.ids) await this.#report(id, step.state);
        return;
      case 'evaluate':
        return this.#evaluate(step.isDown);
      case 'phase':
        for (const id of this.#fleet.ids) await this.#poll(id);
        await this.#report(this.#device(step.device), step.state);
        for (const id of this.#fleet.ids) await this.#report(id, 'confirmed');
        return this.#evaluate(false);
      case 'act':
        await service.act(this.#id, step.action, { actor: step.actor, reason: 'model' });
        return this.checkState();
      case 'alert':
        return this.#fleet.alert(this.#id);
      case 'clock':
        this.#fleet.nowMs += step.ms;
        return;
      case 'restart':
        return this.#restart();
      case 'crash':
        this.#fleet.logs.crash = step.when;
        return;
      case 'lifecycle':
        return this.#setLifecycle(this.#device(step.device), step.to);
      case 'join':
        return this.#fleet.join(GROUP);
    }
  }

  async #poll(id: string): Promise<void> {
    const { service, nowMs } = this.#fleet;
    const device = await this.#fleet.deviceOf(id);
    const { model, lifecycle, group_name: group, firmware_version: firmwareVersion } = device;
    const polling = { id, model, group, lifecycle, firmwareVersion };
    const decision = await service.answerTo(polling, nowMs);
    if (decision.kind === 'rollback') {
      const { status } = await this.#campaign();
      must(status === 'rolling_back', `${id} was ordered back while ${status}`);
      await service.markOrdered(id, decision.order, nowMs);
      await this.#fleet.setDevice(id, { firmware_version: OLD_VERSION });
      this.#memories.delete(id);
      this.#tally.orders += 1;
    }
    if (decision.kind !== 'offer') return;
    const before = await this.#attemptsOf(id);
    await service.markOffered(id, decision.offer, nowMs);
    // It goes out only now; a pause meanwhile would have refused it.
    await this.#checkOffer(device, decision.offer, before);
    this.#tally.offers += 1;
    const memory = this.#memories.get(id);
    if (memory?.offer?.round === decision.offer.round) return;
    this.#memories.set(id, { offer: decision.offer, state: 'offered' });
  }

  async #checkOffer(
    device: { readonly id: string; readonly group_name: string; readonly lifecycle: string },
    offer: Offer,
    before: readonly { readonly round: number; readonly state: UpdateState }[],
  ): Promise<void> {
    const { id } = device;
    const campaign = await this.#campaign();
    const phase = 1 + this.#ends.findIndex((end) => this.#rank(id) <= end);
    must(campaign.status === 'running', `${id} got an offer while ${campaign.status}`);
    must(device.group_name === GROUP, `${id} is outside the target and got an offer`);
    must(offer.phase === phase, `${id} of phase ${phase} was offered as ${offer.phase}`);
    must(phase <= campaign.current_phase, `${id} of phase ${phase} in ${campaign.current_phase}`);
    must(device.lifecycle !== 'retired', `${id} is retired and got an offer`);
    must(!before.some(({ state }) => state === 'confirmed'), `${id} confirmed and got an offer`);
    const isOpen = before.some(({ round, state }) => round === offer.round && !isFinal(state));
    if (isOpen) return;
    must(device.lifecycle === 'active', `${id} is in ${device.lifecycle} and got a new offer`);
    must(offer.round === campaign.round, `a new offer of round ${offer.round}`);
    must(!before.some(({ round }) => round === offer.round), `${id} failed, and was asked again`);
    const tries = this.#sequence.rules.maxAttempts ?? Infinity;
    must(before.length < tries, `${id} got try ${before.length + 1} of ${tries}`);
  }

  /** The device goes on with what it was offered last, wherever the campaign stands by now. */
  async #report(id: string, state: UpdateState): Promise<void> {
    const memory = this.#memories.get(id);
    if (memory === undefined || memory.offer === null || isFinal(memory.state)) return;
    const { campaignId, phase, round } = memory.offer;
    const report: UpdateReport = {
      reportId: crypto.randomUUID(),
      campaignId,
      phase,
      round,
      state,
      fromVersion: OLD_VERSION,
      toVersion: NEW_VERSION,
      transferBytes: 0,
      usedDelta: false,
      occurredAt: new Date(this.#fleet.nowMs).toISOString(),
    };
    const runsNew = state === 'trial' || state === 'confirmed';
    await this.#fleet.setDevice(id, { firmware_version: runsNew ? NEW_VERSION : OLD_VERSION });
    memory.state = state;
    try {
      await this.#fleet.service.recordReport(id, report, this.#fleet.nowMs);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      // A device keeps its report until it is acknowledged.
      await this.#restart();
      await this.#fleet.service.recordReport(id, report, this.#fleet.nowMs);
    }
  }

  async #evaluate(isDown: boolean): Promise<void> {
    const { logs, service } = this.#fleet;
    const before = await this.#campaign();
    logs.isDown = isDown;
    await service.evaluateAll();
    logs.isDown = false;
    const after = await this.#campaign();
    if (before.status === 'running' && after.status === 'paused') this.#tally.pauses += 1;
    const isAdvanced = after.current_phase > before.current_phase;
    const isCompleted = before.status !== 'completed' && after.status === 'completed';
    if (isAdvanced || isCompleted) {
      this.#tally[isCompleted ? 'completions' : 'advances'] += 1;
      must(!isDown, 'it went on without the warehouse');
      must(before.status === 'running', `it went on while ${before.status}`);
      must(after.current_phase - before.current_phase <= 1, 'it went on by two phases');
      await this.#checkEvidence(before);
    }
    await this.#checkTotals(isDown);
    await this.checkState();
  }

  /** Every device that the phases so far wait for has an outcome, and not too many of them failed. */
  async #checkEvidence(before: {
    readonly current_phase: number;
    readonly base_round: number;
  }): Promise<void> {
    const skipped = await this.#skippedPhases();
    const perPhase = new Map<number, { finished: number; failed: number }>();
    for (const id of this.#fleet.ids) {
      const device = await this.#fleet.deviceOf(id);
      const phase = 1 + this.#ends.findIndex((end) => this.#rank(id) <= end);
      if (device.group_name !== GROUP || phase > before.current_phase) continue;
      const attempts = await this.#attemptsOf(id);
      const counting = attempts.filter(({ round }) => round >= before.base_round);
      const newest = counting.toSorted((a, b) => b.round - a.round)[0];
      const isConfirmed = attempts.some(({ state }) => state === 'confirmed');
      const isSilent = newest !== undefined && this.#fleet.nowMs - newest.started_at_ms > 30_000;
      const isOver = newest !== undefined && (isFinal(newest.state) || isSilent);
      if (isConfirmed || isOver) {
        const counts = perPhase.get(phase) ?? { finished: 0, failed: 0 };
        counts.finished += 1;
        counts.failed += isConfirmed ? 0 : 1;
        perPhase.set(phase, counts);
      } else if (!skipped.has(phase)) {
        const tries = this.#sequence.rules.maxAttempts ?? Infinity;
        const needsIt = device.firmware_version !== NEW_VERSION || newest !== undefined;
        const isAwaited = device.lifecycle !== 'retired' && needsIt && attempts.length < tries;
        must(!isAwaited, `it went on without ${id} of phase ${phase}`);
      }
    }
    const all = [...perPhase.values()];
    must(
      all.some(({ finished }) => finished > 0),
      'it went on without any outcome',
    );
    const limit = this.#sequence.rules.errorThreshold ?? 0.05;
    for (const { finished, failed } of all) {
      const isTooMany = exceedsByMoreThanChance(failed, finished, limit);
      must(!isTooMany, `it went on with ${failed} of ${finished} failed, limit ${limit}`);
    }
  }

  async #checkTotals(isDown: boolean): Promise<void> {
    const view = await this.#fleet.service.get(this.#id);
    for (const { phase, counts, devices } of view.phases) {
      const { started, confirmed, failed, rolledBack, silent } = counts;
      const finished = confirmed + failed + rolledBack + silent;
      must(finished <= started, `phase ${phase}: ${finished} finished of ${started} started`);
      must(started <= devices, `phase ${phase}: ${started} started of ${devices}`);
    }
    const isCounted = ['running', 'paused'].includes(view.status) && view.verdict !== null;
    if (isDown || !isCounted) return;
    const leftOut = Object.values(view.leftOut ?? {}).reduce((sum, count) => sum + count, 0);
    const groups = await Promise.all(this.#fleet.ids.map((id) => this.#fleet.deviceOf(id)));
    const target = groups.filter((device) => device.group_name === GROUP).length;
    const total = view.totalDevices + leftOut;
    must(total === target, `${view.totalDevices} devices and ${leftOut} left out of ${target}`);
  }

  async #restart(): Promise<void> {
    const before = await this.#kept();
    await this.#fleet.restart();
    this.#tally.restarts += 1;
    must(isDeepStrictEqual(await this.#kept(), before), 'a restart changed the campaign');
    await this.checkState();
  }

  async #kept(): Promise<unknown> {
    const { service } = this.#fleet;
    return [await service.get(this.#id), await service.events(this.#id)];
  }

  async #setLifecycle(id: string, to: 'active' | 'maintenance' | 'retired'): Promise<void> {
    const { lifecycle } = await this.#fleet.deviceOf(id);
    if (lifecycle !== 'retired') await this.#fleet.setDevice(id, { lifecycle: to });
  }

  /** Read past the service. */
  #campaign() {
    return this.#fleet.database
      .selectFrom('campaigns')
      .selectAll()
      .where('id', '=', this.#id)
      .executeTakeFirstOrThrow();
  }

  #attemptsOf(deviceId: string) {
    return this.#fleet.database
      .selectFrom('update_attempts')
      .selectAll()
      .where('campaign_id', '=', this.#id)
      .where('device_id', '=', deviceId)
      .execute();
  }

  async #skippedPhases(): Promise<ReadonlySet<number>> {
    const rows = await this.#fleet.database
      .selectFrom('campaign_phases')
      .select('phase')
      .where('campaign_id', '=', this.#id)
      .where('skipped_at_ms', 'is not', null)
      .execute();
    return new Set(rows.map(({ phase }) => phase));
  }

  #device(index: number): string {
    return this.#fleet.ids[index % this.#fleet.ids.length] ?? '';
  }

  #rank(deviceId: string): string {
    return createHash('sha256')
      .update(this.#id + deviceId)
      .digest('hex');
  }
}

/** The first ⌈percent⌉ or count of the target in order of rank, at least one more than before. */
function phaseEnds({ rules, devices }: Sequence, ranks: readonly string[]): string[] {
  const phases = rules.phases ?? [];
  let size = 0;
  return phases.map((phase, index) => {
    const wanted =
      'count' in phase && phase.count !== undefined
        ? phase.count
        : Math.ceil(((phase.percent ?? 100) * devices) / 100);
    size = Math.min(devices, Math.max(size + 1, wanted));
    return index === phases.length - 1 ? '~' : (ranks[size - 1] ?? '~');
  });
}

function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}
