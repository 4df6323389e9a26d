import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtobufError, readProtobufFields } from '../src/protobuf-fields.ts';
import { refusalReason } from '../src/rpc-status.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
/** google.rpc.Status { code: 3, message }, for messages under 128 bytes. */
const status = (message: string) => {
  const bytes = utf8(message);
  return Uint8Array.of(0x08, 3, 0x12, bytes.length, ...bytes);
};

describe('refusalReason', () => {
  it.each([
    ['a Status', status('device.id is missing'), 'application/x-protobuf', 'device.id is missing'],
    ['a Status without content type', status('no'), null, 'no'],
    ['a JSON Status', utf8('{"code":3,"message":"bad"}'), 'application/json', 'bad'],
    ['a problem', utf8('{"detail":"too big"}'), 'application/problem+json', 'too big'],
    ['nothing', new Uint8Array(), null, null],
    ['an empty message', status(''), null, null],
    ['a page', utf8('<html>403</html>'), 'text/html', null],
    ['broken JSON', utf8('{'), 'application/json', null],
    ['other JSON', utf8('[1]'), 'application/json', null],
    ['text that is not UTF-8', Uint8Array.of(0x12, 1, 0xff), null, null],
  ])('reads %s', (_name, body, contentType, expected) => {
    expect(refusalReason(body, contentType)).toBe(expected);
  });

  it('cuts a long reason', () => {
    const body = utf8(JSON.stringify({ message: 'x'.repeat(5000) }));
    expect(refusalReason(body, 'application/json')).toHaveLength(500);
  });

  it('never throws, whatever a server answers', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 64 }),
        fc.constantFrom(null, 'application/json', 'application/x-protobuf'),
        (body, contentType) => {
          const reason = refusalReason(body, contentType);
          expect(reason === null || reason.length > 0).toBe(true);
        },
      ),
    );
  });
});

describe('readProtobufFields', () => {
  it('reads every wire type in use', () => {
    const bytes = Uint8Array.of(
      ...[0x08, 0xac, 0x02],
      ...[0x11, 1, 0, 0, 0, 0, 0, 0, 0x80],
      ...[0x1a, 2, 7, 8],
      ...[0x25, 0xff, 0, 0, 0],
    );
    expect(readProtobufFields(bytes)).toEqual([
      { number: 1, value: 300n },
      { number: 2, value: 0x8000000000000001n },
      { number: 3, value: Uint8Array.of(7, 8) },
      { number: 4, value: 255 },
    ]);
  });
  it.each([
    ['a cut varint', [0x08, 0x80]],
    ['a cut string', [0x12, 5, 1]],
    ['a group', [0x0b]],
    ['an endless varint', [0x08, ...Array.from({ length: 11 }, () => 0xff)]],
  ])('refuses %s', (_name, bytes) => {
    expect(() => readProtobufFields(Uint8Array.from(bytes))).toThrow(ProtobufError);
  });
});
