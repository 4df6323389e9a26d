import type { Campaign } from './campaign.ts';
import { stepCampaign } from './campaign-machine.ts';

/** What time alone does to a campaign; the end comes first. */
export function dueStep(
  { status, rules }: Pick<Campaign, 'status' | 'rules'>,
  nowMs: number,
): 'start' | 'expire' | null {
  const { startAtMs, endAtMs } = rules;
  if (endAtMs !== null && nowMs >= endAtMs && stepCampaign(status, 'expire').ok) return 'expire';
  if (status === 'scheduled' && nowMs >= (startAtMs ?? -Infinity)) return 'start';
  return null;
}
