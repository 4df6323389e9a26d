import type { CampaignStatus, HealthStatus, UpdateState, VerdictKind } from '@flotilla/contracts';
import type { Tone } from './state-word.tsx';

export const HEALTH_TONE: Readonly<Record<HealthStatus, Tone>> = {
  healthy: 'good',
  degraded: 'warn',
  critical: 'bad',
  unknown: 'neutral',
};

export const HEALTH_WORD: Readonly<Record<HealthStatus, string>> = {
  healthy: 'Healthy',
  degraded: 'Degraded',
  critical: 'Critical',
  unknown: 'Unknown',
};

export const UPDATE_TONE: Readonly<Record<UpdateState, Tone>> = {
  offered: 'info',
  downloading: 'info',
  installing: 'info',
  trial: 'info',
  confirmed: 'good',
  failed: 'bad',
  rolled_back: 'bad',
};

export const CAMPAIGN_TONE: Readonly<Record<CampaignStatus, Tone>> = {
  awaiting_approval: 'neutral',
  scheduled: 'neutral',
  running: 'info',
  paused: 'warn',
  completed: 'good',
  aborted: 'neutral',
  rolling_back: 'warn',
  rolled_back: 'neutral',
};

export const VERDICT_TONE: Readonly<Record<VerdictKind, Tone>> = {
  hold: 'neutral',
  advance: 'good',
  complete: 'good',
  pause: 'bad',
};
