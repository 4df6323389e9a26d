import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { csvFields, ManifestLines } from '../../src/provisioning/domain/manifest-line.ts';

const claimKey = generateKeyPairSync('ed25519')
  .publicKey.export({ type: 'spki', format: 'der' })
  .toString('base64');

describe('a line of a manifest', () => {
  it('is read as JSON', () => {
    const lines = new ManifestLines('jsonl');
    const row = { serial: 'sn-1', model: 'm', claimKey };
    expect(lines.read(JSON.stringify(row))).toEqual({ kind: 'row', row });
    expect(lines.read('  ')).toEqual({ kind: 'nothing' });
    expect(lines.read('{"serial":')).toEqual({ kind: 'fault', detail: 'is no JSON' });
    const odd = lines.read(JSON.stringify({ ...row, serial: '../x' }));
    expect(odd).toMatchObject({
      kind: 'fault',
      detail: expect.stringMatching(/^serial: /) as string,
    });
  });

  it('is read as CSV by the names of its columns', () => {
    const lines = new ManifestLines('csv');
    expect(lines.read('model,serial,hardware_revision,claim_key')).toEqual({ kind: 'nothing' });
    expect(lines.read(`m,"sn-1",,${claimKey}`)).toEqual({
      kind: 'row',
      row: { serial: 'sn-1', model: 'm', claimKey },
    });
    expect(lines.read(`m,sn-1,${claimKey}`)).toMatchObject({ detail: '3 fields, not 4' });
    expect(lines.read('"m,sn-1')).toMatchObject({ detail: 'a quotation mark is not closed' });
  });

  it.each(['serial,model', 'serial,model,claim_key,secret', 'serial,serial,model,claim_key'])(
    'does not take %s for the names of columns',
    (head) => {
      expect(new ManifestLines('csv').read(head)).toMatchObject({ kind: 'fault' });
    },
  );

  it.each([
    ['a,b', ['a', 'b']],
    ['', ['']],
    ['a,', ['a', '']],
    ['"a,""b""",c', ['a,"b"', 'c']],
    ['"a"b,c', null],
  ])('splits %s as RFC 4180 does', (line, fields) => {
    expect(csvFields(line)).toEqual(fields);
  });
});
