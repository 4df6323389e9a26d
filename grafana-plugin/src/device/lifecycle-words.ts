import type { LIFECYCLE_TARGETS, LifecycleActor, LifecycleState } from '@flotilla/contracts';

export type LifecycleTarget = (typeof LIFECYCLE_TARGETS)[number];

export const LIFECYCLE_CHANGES: readonly LifecycleTarget[] = ['active', 'maintenance', 'retired'];

interface ChangeWords {
  readonly verb: string;
  readonly consequence: string;
}

export const LIFECYCLE_WORDS: Readonly<Record<LifecycleTarget, ChangeWords>> = {
  active: {
    verb: 'Activate',
    consequence: 'Campaigns offer updates again, and silence counts against the health.',
  },
  maintenance: {
    verb: 'Put into maintenance',
    consequence:
      'Campaigns leave it alone unless they were made to include devices in maintenance. It keeps reporting.',
  },
  retired: {
    verb: 'Retire',
    consequence:
      'The credentials are revoked at once and for good, the device is told to wipe itself, and it leaves the fleet. The record stays.',
  },
};

export const STATE_WORDS: Readonly<Record<LifecycleState, string>> = {
  provisioned: 'Provisioned',
  active: 'Active',
  maintenance: 'In maintenance',
  retired: 'Retired',
};

export const ACTOR_WORDS: Readonly<Record<LifecycleActor, string>> = {
  operator: 'an operator',
  device: 'the device',
  provisioning: 'provisioning',
  policy: 'a policy',
};
