import { describe, expect, it } from 'vitest';
import {
  pendingMigrations,
  readMigrations,
  SchemaMismatchError,
  type Migration,
} from '../../src/warehouse/migrations.ts';

const file = (number: number, checksum = `c${number}`): Migration => ({
  number,
  name: `00${number}-x.sql`,
  statement: 'SELECT 1',
  checksum,
});

describe('pendingMigrations', () => {
  it('returns what is not applied yet, in order', () => {
    expect(pendingMigrations([file(1), file(2), file(3)], [file(1)]).map((m) => m.number)).toEqual([
      2, 3,
    ]);
    expect(pendingMigrations([file(1)], [file(1)])).toEqual([]);
  });

  it('refuses a file that changed after it was applied', () => {
    expect(() => pendingMigrations([file(1, 'edited')], [file(1)])).toThrow(/changed after/);
  });

  it('refuses a warehouse of a later version', () => {
    expect(() => pendingMigrations([file(1)], [file(1), file(2)])).toThrow(/newer version/);
  });

  it('refuses a file slipped in before applied ones, and numbers used twice', () => {
    expect(() => pendingMigrations([file(1), file(2)], [file(2)])).toThrow(SchemaMismatchError);
    expect(() => pendingMigrations([file(1), file(1)], [])).toThrow(/share a number/);
  });
});

describe('the files themselves', () => {
  it('rise by number, one statement each', () => {
    const files = readMigrations(new URL('../../sql/schema/', import.meta.url));
    expect(new Set(files.map((f) => f.number)).size).toBe(files.length);
    for (const { statement } of files) {
      const code = statement.replaceAll(/--[^\n]*/g, '');
      expect(code).not.toContain(';');
      expect(code).toMatch(/^\s*(CREATE TABLE IF NOT EXISTS|ALTER TABLE)/);
    }
  });
});
