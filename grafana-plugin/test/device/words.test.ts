import { UPDATE_REASONS, UPDATE_STATES } from '@flotilla/contracts';
import { describe, expect, it } from 'vitest';
import { contributionsOf, signalWords } from '../../src/device/signal-words.ts';
import { reasonWords, updateStateWord } from '../../src/device/update-words.ts';

describe('update words', () => {
  it.each(UPDATE_REASONS)('explain %s in a sentence and in a few words', (reason) => {
    const { short, sentence } = reasonWords(reason);
    expect(sentence).toMatch(/^[A-Z].{30,}\.$/);
    expect(sentence).not.toContain('_');
    expect(short.length).toBeLessThanOrEqual(24);
    expect(short).toMatch(/^[a-z][a-z ]+$/);
  });

  it('tell every reason apart', () => {
    const shorts = UPDATE_REASONS.map((reason) => reasonWords(reason).short);
    const sentences = UPDATE_REASONS.map((reason) => reasonWords(reason).sentence);
    expect(new Set(shorts).size).toBe(UPDATE_REASONS.length);
    expect(new Set(sentences).size).toBe(UPDATE_REASONS.length);
  });

  it('have a word for every state', () => {
    expect(new Set(UPDATE_STATES.map(updateStateWord)).size).toBe(UPDATE_STATES.length);
  });
});

describe('signals', () => {
  it('are shown by their own name when they are new', () => {
    expect(signalWords('gps.fix_age')).toBe('Gps fix age');
    expect(signalWords('crashes_24h')).toBe('Firmware crashes, last 24 h');
  });

  it('come costliest first, without those that cost nothing', () => {
    const contributions = { cpu_p95_pct: 3, crashes_24h: 20, rssi_dbm: 0, disk_used_pct: 0.01 };
    expect(contributionsOf(contributions)).toEqual([
      { signal: 'crashes_24h', pointsLost: 20 },
      { signal: 'cpu_p95_pct', pointsLost: 3 },
    ]);
  });
});
