import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ConfigError, loadConfig } from '../src/index.ts';

const schema = z.object({
  PORT: z.coerce.number().int().max(65_535).default(8080),
  KEY_FILE: z.string(),
  RATE: z.coerce.number().positive(),
});

describe('loadConfig', () => {
  it('reads, converts and fills in defaults', () => {
    expect(loadConfig(schema, { KEY_FILE: '/k', RATE: '2.5', OTHER: 'x' })).toEqual({
      PORT: 8080,
      KEY_FILE: '/k',
      RATE: 2.5,
    });
  });

  it('takes an empty variable as not given', () => {
    expect(loadConfig(schema, { KEY_FILE: '/k', RATE: '1', PORT: '' }).PORT).toBe(8080);
  });

  it('reports every problem at once, by name', () => {
    let caught: unknown;
    try {
      loadConfig(schema, { PORT: '99999', RATE: '-1' });
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(ConfigError);
    const { problems } = caught as ConfigError;
    expect(problems.map((p) => p.split(':')[0])).toEqual(['PORT', 'KEY_FILE', 'RATE']);
  });
});
