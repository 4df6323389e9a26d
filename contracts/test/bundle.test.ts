import { describe, expect, it } from 'vitest';
import { bundleSchema } from '../src/bundle.ts';

const bundle = (command: readonly string[]) => ({
  schemaVersion: 1,
  version: '1.0.0',
  command,
  healthPath: '/healthz',
});

describe('the command of a bundle', () => {
  it('is a program with arguments', () => {
    expect(bundleSchema.safeParse(bundle(['node', 'server.cjs'])).success).toBe(true);
  });

  it.each([[[]], [['']], [['no\0de']], [['node', 'a\0b']]])('cannot be %j', (command) => {
    expect(bundleSchema.safeParse(bundle(command)).success).toBe(false);
  });
});
