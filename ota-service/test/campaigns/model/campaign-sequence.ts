import fc from 'fast-check';
import type { CampaignActionName, CampaignCreateInput, UpdateState } from '@flotilla/contracts';

/** One thing that happens. `device` counts round the fleet. */
export type Step =
  | { readonly kind: 'poll'; readonly device: number }
  | { readonly kind: 'poll_all' }
  | { readonly kind: 'report'; readonly device: number; readonly state: UpdateState }
  | { readonly kind: 'report_all'; readonly state: UpdateState }
  | { readonly kind: 'evaluate'; readonly isDown: boolean }
  /** Everybody polls and confirms, but for one device at most; then the gate looks. */
  | { readonly kind: 'phase'; readonly device: number; readonly state: UpdateState }
  | { readonly kind: 'act'; readonly action: CampaignActionName; readonly actor: string }
  | { readonly kind: 'alert' }
  | { readonly kind: 'clock'; readonly ms: number }
  | { readonly kind: 'restart' }
  /** The next append to the log kills the service. */
  | { readonly kind: 'crash'; readonly when: 'before' | 'after' }
  | {
      readonly kind: 'lifecycle';
      readonly device: number;
      readonly to: 'active' | 'maintenance' | 'retired';
    }
  | { readonly kind: 'join' };

export interface Sequence {
  /** Devices of the group that the campaign is for, and of another one. */
  readonly devices: number;
  readonly others: number;
  readonly rules: Pick<
    CampaignCreateInput,
    'phases' | 'errorThreshold' | 'minSample' | 'soakMs' | 'approval' | 'maxAttempts'
  >;
  readonly steps: readonly Step[];
}

const device = fc.nat(15);
const finals = fc.constantFrom<UpdateState>(
  'trial',
  'confirmed',
  'confirmed',
  'confirmed',
  'failed',
  'rolled_back',
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('poll' as const), device }) },
  { weight: 4, arbitrary: fc.constant<Step>({ kind: 'poll_all' }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('report' as const), device, state: finals }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('report_all' as const), state: finals }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('phase' as const),
      device,
      state: fc.constantFrom<UpdateState>('confirmed', 'confirmed', 'confirmed', 'failed', 'trial'),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('evaluate' as const),
      isDown: fc.nat(7).map((n) => n === 0),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('act' as const),
      action: fc.constantFrom<CampaignActionName>(
        'pause',
        'resume',
        'resume',
        'retry',
        'retry',
        'skip-phase',
        'approve',
        'rollback',
        'abort',
      ),
      actor: fc.constantFrom('ada', 'grace'),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'alert' }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('clock' as const),
      ms: fc.oneof(fc.integer({ min: 0, max: 40_000 }), fc.integer({ min: -20_000, max: 0 })),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'restart' }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      when: fc.constantFrom('before', 'after'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('lifecycle' as const),
      device,
      to: fc.constantFrom('active', 'maintenance', 'retired'),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'join' }) },
);

export const sequences: fc.Arbitrary<Sequence> = fc.record({
  devices: fc.integer({ min: 1, max: 12 }),
  others: fc.nat(2),
  rules: fc.record({
    phases: fc.constantFrom(
      [{ percent: 100 }],
      [{ percent: 1 }, { percent: 10 }, { percent: 100 }],
      [{ percent: 50, soakMs: 5000 }, { percent: 100 }],
      [{ count: 2 }, { percent: 100 }],
    ),
    errorThreshold: fc.constantFrom(0, 0.05, 0.3),
    minSample: fc.constantFrom(null, 1, 10),
    soakMs: fc.constantFrom(0, 0, 10_000),
    approval: fc.constantFrom({ required: false }, { required: false }, { required: true }),
    maxAttempts: fc.constantFrom(1, 2, 5),
  }),
  steps: fc.array(step, { minLength: 8, maxLength: 40, size: 'max' }),
});
