import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readResources } from '../../src/admit/resource-identity.ts';
import { field, logsRequest, metricsRequest } from '../testing/otlp-requests.ts';

/** What a device's request comes to as a whole. */
function checkResourceIdentity(bytes: Uint8Array, deviceId: string) {
  const reading = readResources(bytes, { deviceId, gatewayFor: null });
  if (!reading.wellFormed) return { verdict: 'malformed', reason: reading.reason };
  const refused = reading.entries.findIndex(({ refusal }) => refusal !== null);
  if (refused !== -1) {
    const reason = `resource ${refused}: ${reading.entries[refused]!.refusal!}`;
    return { verdict: 'mismatch', reason };
  }
  const resources = reading.entries.length;
  return resources === 0 ? { verdict: 'empty' } : { verdict: 'match', resources };
}

const DEVICE = 'device-0042';
const MINE = { 'device.id': DEVICE, 'service.version': '1.2.3' };
const verdictOf = (bytes: Uint8Array) => checkResourceIdentity(bytes, DEVICE).verdict;

const keyValue = (key: string, ...anyValue: Buffer[]) =>
  field(1, field(1, key), field(2, ...anyValue));
const text = (value: string) => field(1, value);
/** A request with one resource made of these attribute fields. */
const request = (...attributes: Buffer[]) => field(1, field(1, ...attributes));

const attributeValue = fc.oneof(
  fc.string({ unit: 'binary' }).filter((value) => value.isWellFormed()),
  fc.integer(),
  fc.double({ noNaN: true }),
  fc.boolean(),
  fc.array(fc.string({ maxLength: 5 }), { maxLength: 3 }),
);
const otherAttributes = fc.dictionary(
  fc.string({ minLength: 1, maxLength: 20 }).filter((key) => key !== 'device.id'),
  attributeValue,
  { maxKeys: 8, noNullPrototype: true },
);
const deviceIds = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/);

describe('checkResourceIdentity on what the OpenTelemetry SDK writes', () => {
  it('matches whatever else the resource says', () => {
    fc.assert(
      fc.property(otherAttributes, deviceIds, fc.nat(20), (others, deviceId, points) => {
        const attributes = { ...others, 'device.id': deviceId };
        for (const bytes of [metricsRequest(attributes, points), logsRequest(attributes)]) {
          expect(checkResourceIdentity(bytes, deviceId)).toEqual({
            verdict: 'match',
            resources: 1,
          });
        }
      }),
      { numRuns: 500 },
    );
  });

  it('never matches another device, a missing id or one that is not text', () => {
    fc.assert(
      fc.property(otherAttributes, deviceIds, deviceIds, (others, deviceId, claimed) => {
        fc.pre(deviceId !== claimed);
        const foreign = metricsRequest({ ...others, 'device.id': claimed });
        expect(checkResourceIdentity(foreign, deviceId).verdict).toBe('mismatch');
        expect(checkResourceIdentity(logsRequest(others), deviceId).verdict).toBe('mismatch');
        const number = logsRequest({ ...others, 'device.id': 42 });
        expect(checkResourceIdentity(number, '42').verdict).toBe('mismatch');
      }),
      { numRuns: 500 },
    );
  });

  it('says which resource names whom', () => {
    const second = { ...MINE, 'device.id': 'device-0001' };
    expect(checkResourceIdentity(logsRequest(MINE, second), DEVICE)).toEqual({
      verdict: 'mismatch',
      reason: 'resource 1: device.id is "device-0001", but the token belongs to device-0042',
    });
    expect(checkResourceIdentity(logsRequest(MINE, { a: 1 }), DEVICE)).toMatchObject({
      reason: 'resource 1: device.id is missing',
    });
  });

  it('refuses a device that passes for ota-service, in any of its resources', () => {
    const forged = { ...MINE, 'service.name': 'ota-service' };
    for (const bytes of [logsRequest(MINE, forged), logsRequest(MINE, MINE, forged)]) {
      expect(checkResourceIdentity(bytes, DEVICE)).toMatchObject({
        verdict: 'mismatch',
        reason: expect.stringContaining(
          'service.name is "ota-service", which no device may use',
        ) as string,
      });
    }
    expect(verdictOf(metricsRequest(forged))).toBe('mismatch');
    expect(verdictOf(logsRequest({ ...MINE, 'service.name': 'flotilla-device' }))).toBe('match');
  });

  it('calls a request without resources empty', () => {
    expect(verdictOf(new Uint8Array(0))).toBe('empty');
    // An unknown varint field 15.
    expect(verdictOf(Buffer.from([0x78, 0x01]))).toBe('empty');
  });
});

describe('checkResourceIdentity on requests made to be read two ways', () => {
  const mine = keyValue('device.id', text(DEVICE));
  const theirs = keyValue('device.id', text('victim'));
  it.each([
    ['the control case', request(mine), 'match'],
    ['the id repeated', request(mine, mine), 'match'],
    ['a second, other id', request(mine, theirs), 'mismatch'],
    [
      'the name of ota-service after another name',
      request(
        mine,
        keyValue('service.name', text('flotilla-device')),
        keyValue('service.name', text('ota-service')),
      ),
      'mismatch',
    ],
    [
      'the name of ota-service before the id',
      request(keyValue('service.name', text('ota-service')), mine),
      'mismatch',
    ],
    ['a second resource in one entry', field(1, field(1, mine), field(1, theirs)), 'malformed'],
    [
      'two values in the oneof',
      request(keyValue('device.id', text(DEVICE), text('v'))),
      'malformed',
    ],
    [
      'two value fields',
      request(field(1, field(1, 'device.id'), field(2, text(DEVICE)), field(2, text('v')))),
      'malformed',
    ],
    [
      'two keys',
      request(mine, field(1, field(1, 'a'), field(1, 'device.id'), field(2, text('v')))),
      'malformed',
    ],
    ['an id without a value', request(field(1, field(1, 'device.id'))), 'mismatch'],
    ['an entry without a resource', field(1), 'mismatch'],
    ['bytes where text is due', request(keyValue('device.id', field(7, DEVICE))), 'mismatch'],
    ['a prefix of the id', request(keyValue('device.id', text('device-004'))), 'mismatch'],
    ['the id and a NUL', request(keyValue('device.id', text(`${DEVICE}\0`))), 'mismatch'],
    ['a resource of wire type 0', field(1, Buffer.from([0x08, 0x01])), 'malformed'],
    ['a group', Buffer.from([0x0b, 0x0c]), 'malformed'],
    ['field number 0', Buffer.from([0x02, 0x00]), 'malformed'],
    ['a length past the end', Buffer.from([0x0a, 0x05, 0x00]), 'malformed'],
    ['a length of 2^63', Buffer.from('0affffffffffffffff7f', 'hex'), 'malformed'],
    ['a varint of eleven bytes', Buffer.from(`78${'ff'.repeat(10)}01`, 'hex'), 'malformed'],
    ['a tag of six bytes', Buffer.from('8a808080800000', 'hex'), 'malformed'],
  ])('%s', (_, bytes, verdict) => {
    expect(verdictOf(bytes)).toBe(verdict);
  });

  it.each([
    ['attributes', (many: Buffer) => request(mine, many), [0x0a, 0x00]],
    ['unknown fields', (many: Buffer) => Buffer.concat([request(mine), many]), [0x78, 0x00]],
    ['scopes', (many: Buffer) => field(1, field(1, mine), many), [0x12, 0x00]],
  ])('refuses millions of empty %s for their number', (_, build, pattern) => {
    const bytes = build(Buffer.alloc(4 * 1024 * 1024, Buffer.from(pattern)));
    // Their number is what is refused: walking two million fields would hold the process for seconds.
    expect(checkResourceIdentity(bytes, DEVICE)).toMatchObject({
      verdict: 'malformed',
      reason: expect.stringContaining('fields') as string,
    });
  });
});

describe('checkResourceIdentity on damaged bytes', () => {
  const valid = [metricsRequest(MINE, 3), logsRequest(MINE, MINE)];
  const seen = new Set<string>();
  const judge = (bytes: Uint8Array) => {
    const result = checkResourceIdentity(bytes, DEVICE);
    seen.add(result.verdict);
    if ('reason' in result) expect(result.reason.length).toBeGreaterThan(0);
    return result.verdict;
  };

  it('answers 10,000 random inputs', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        judge(bytes);
      }),
      { numRuns: 10_000 },
    );
  });

  it('answers 10,000 requests with bits flipped', () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.nat(7)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.constantFrom(...valid), flips, (original, places) => {
        const bytes = Buffer.from(original);
        for (const [at, bit] of places) bytes[at % bytes.length]! ^= 1 << bit;
        judge(bytes);
      }),
      { numRuns: 10_000 },
    );
    expect(seen).toContain('malformed');
    expect(seen).toContain('mismatch');
    expect(seen).toContain('match');
  });

  it('never matches once a bit of the id itself is flipped', () => {
    for (const original of valid) {
      const start = original.indexOf(DEVICE);
      for (let bit = 0; bit < DEVICE.length * 8; bit += 1) {
        const bytes = Buffer.from(original);
        bytes[start + (bit >> 3)]! ^= 1 << (bit & 7);
        expect(judge(bytes)).toBe('mismatch');
      }
    }
  });

  it('calls every cut inside the first resource entry malformed', () => {
    const bytes = metricsRequest(MINE, 3);
    for (let end = 1; end < bytes.length; end += 1) {
      expect(judge(bytes.subarray(0, end))).toBe('malformed');
    }
  });
});
