import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refuseUnlessReading } from '../../src/warehouse/read-only-statement.ts';
import { sqlFile } from '../../src/warehouse/sql-file.ts';

describe('refuseUnlessReading', () => {
  it.each([
    'SELECT 1',
    "select count() from otel_logs where Body = 'it''s; -- \"quoted\" \\' file(' ;",
    '-- why; because\n/* DROP TABLE x; */ WITH 1 AS a SELECT a',
    "SELECT {name:String}, map('a', 1)['a'], [1, 2][1], x -> x + 1 FROM `my table` SETTINGS max_threads = 1",
    'SHOW TABLES',
    'DESCRIBE TABLE otel_logs',
    'EXPLAIN SELECT 1',
    'EXISTS TABLE otel_logs',
    "SELECT * FROM numbers(3) WHERE Name = 'täg'",
    'SELECT url FROM t',
  ])('takes %s', (statement) => {
    expect(refuseUnlessReading(statement)).toBeNull();
  });

  it.each([
    // A refused function called without parentheses of its own.
    "SELECT arrayMap(file, ['/etc/hostname'])",
    "SELECT arrayMap(`file`, ['/etc/hostname'])",
    "SELECT * APPLY(file) FROM (SELECT '/etc/hostname' AS x)",
    "SELECT * APPLY file FROM (SELECT '/etc/hostname' AS x)",
    "SELECT * APPLY(x -> file(x)) FROM (SELECT '/etc/hostname' AS x)",
    "SELECT arrayMap({f:Identifier}, ['/etc/hostname'])",
    "SELECT arrayMap({f /* a name */ : IDENTIFIER}, ['/etc/hostname'])",
    '',
    '-- only a comment',
    "INSERT INTO t VALUES ('SELECT')",
    'WITH 1 AS x INSERT INTO t SELECT x',
    'with x as (select 1 as a) /* then */ insert into t select a from x',
    'DROP TABLE otel_logs',
    'SET readonly = 0',
    'USE system',
    'SYSTEM SHUTDOWN',
    'KILL QUERY WHERE 1',
    '/* SELECT */ ALTER TABLE t DELETE WHERE 1',
    'SELECT 1; DROP TABLE t',
    'SELECT 1;;',
    "SELECT 'a\\\\'; DROP TABLE t --'",
    "SELECT 1 INTO OUTFILE '/tmp/x'",
    "SELECT 1 INTO /**/ outfile '/tmp/x'",
    "SELECT file('/etc/passwd')",
    "SELECT file /* x */ ('/etc/passwd')",
    "SELECT `file`('/etc/passwd')",
    'SELECT "file"(\'/etc/passwd\')',
    "SELECT `fi\\x6ce`('/etc/passwd')",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM filesystem('/etc')",
    "SELECT * FROM url('http://127.0.0.1/')",
    "SELECT * FROM s3Cluster('a', 'b')",
    "SELECT * FROM eval('DROP TABLE t')",
    "SELECT * FROM executable('x', 'TSV', 'a String')",
    'SELECT /* a /* b */ 1',
    '# comment\nSELECT 1',
    'SELECT $$x$$',
    'SELECT ‘x’',
    "SELECT 'open",
    'SELECT `open',
    'SELECT \u0000',
    'SELECT \u00a01',
  ])('refuses %s', (statement) => {
    expect(refuseUnlessReading(statement)).not.toBeNull();
  });

  it('tells why, as ClickHouse would', () => {
    expect(refuseUnlessReading('DROP TABLE t')).toMatchObject({ code: 164, type: 'READONLY' });
    expect(refuseUnlessReading("SELECT file('x')")).toMatchObject({ code: 497 });
    expect(refuseUnlessReading('SELECT $')).toMatchObject({ code: 62 });
  });

  it('ends for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), (text) => {
        refuseUnlessReading(text);
        refuseUnlessReading(`SELECT ${text}`);
      }),
      { numRuns: 2_000 },
    );
  });

  it('takes no longer than the text is long', () => {
    const long = `SELECT '${"''".repeat(200_000)}' /* ${'*'.repeat(200_000)} */`;
    expect(refuseUnlessReading(long)).toBeNull();
    expect(refuseUnlessReading(`SELECT /* ${'*'.repeat(200_000)}`)).not.toBeNull();
  });

  it('takes the queries of our own files', () => {
    // load/present-rows.sql names its table by an Identifier, and runs inside the pipeline only.
    expect(refuseUnlessReading(sqlFile('load/known-batches.sql'))).toBeNull();
  });
});
