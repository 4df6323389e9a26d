import { describe, expect, it } from 'vitest';
import { decideFeedback, isRevocable, type DdiStatus } from '../../src/ddi/domain/ddi-feedback.ts';

const status = (
  execution: DdiStatus['execution'],
  finished: DdiStatus['result']['finished'] = 'none',
  ...details: string[]
): DdiStatus => ({ execution, result: { finished }, details });

describe('feedback of a DDI device', () => {
  it.each([
    ['offered', status('proceeding', 'none', 'Installing Update Chunk Artifacts.'), 'downloading'],
    ['offered', status('download'), 'downloading'],
    ['downloading', status('downloaded'), 'installing'],
    ['downloading', status('proceeding', 'none', 'Update Installed, Testing Pending.'), 'trial'],
    ['downloading', status('proceeding', 'none', 'log', 'All Chunks Installed.'), 'trial'],
    ['trial', status('closed', 'success', 'Update Installed.'), 'confirmed'],
    ['offered', status('closed', 'success'), 'confirmed'],
  ] as const)('of %s and %o reports %s', (state, said, reported) => {
    expect(decideFeedback(state, said)).toMatchObject({ kind: 'report', state: reported });
  });

  it('calls a failure before the boot a failed installation, with the words of the device', () => {
    expect(decideFeedback('downloading', status('closed', 'failure', 'no space', 'sorry'))).toEqual(
      {
        kind: 'report',
        state: 'failed',
        reason: 'installer_failed',
        detail: 'no space; sorry',
      },
    );
  });

  it('calls a failure after the boot a roll back', () => {
    expect(decideFeedback('trial', status('closed', 'failure'))).toEqual({
      kind: 'report',
      state: 'rolled_back',
      reason: 'trial_unhealthy',
    });
  });

  it('takes an end without success for no success, and a refusal for a failure', () => {
    for (const said of [status('closed'), status('rejected'), status('canceled')]) {
      expect(decideFeedback('offered', said)).toMatchObject({ state: 'failed' });
    }
  });

  it('notes what says nothing new, so that no state goes back', () => {
    expect(decideFeedback('trial', status('proceeding')).kind).toBe('note');
    expect(decideFeedback('downloading', status('resumed')).kind).toBe('note');
    expect(decideFeedback('offered', status('scheduled')).kind).toBe('note');
  });

  it('may be taken back until the device is about to boot', () => {
    expect(['offered', 'downloading', 'installing'].every((s) => isRevocable(s as never))).toBe(
      true,
    );
    expect(isRevocable('trial')).toBe(false);
  });
});
