import { decodeMetrics, type NumberPoint, type ResourceMetrics } from '@flotilla/otlp';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packRequests } from '../../../src/gateway/domain/pack-requests.ts';

const MAX_BYTES = 300;
const utf8 = (text: string) => new TextEncoder().encode(text);
const point = (value: number): NumberPoint => ({
  attributes: [],
  startTimeUnixNano: 1n,
  timeUnixNano: 2n,
  value,
  exemplars: [],
  flags: 0,
});
/** Per resource, per scope, per metric: how many points. */
const shape = fc.array(
  fc.array(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 3,
  }),
  { maxLength: 4 },
);

function build(given: readonly (readonly (readonly number[])[])[]): ResourceMetrics[] {
  let value = 0;
  return given.map((scopes, r) => ({
    resource: utf8(`r${r}`),
    schemaUrl: '',
    scopes: scopes.map((metrics, s) => ({
      scope: utf8(`s${s}`),
      schemaUrl: '',
      metrics: metrics.map((points, m) => ({
        name: `m${m}`,
        description: '',
        unit: '',
        data: { kind: 'gauge', points: Array.from({ length: points }, () => point((value += 1))) },
      })),
    })),
  }));
}

/** Every value with what names it. */
const valuesOf = (resources: readonly ResourceMetrics[]) =>
  resources.flatMap(({ resource, scopes }) =>
    scopes.flatMap(({ scope, metrics }) =>
      metrics.flatMap(({ name, data }) =>
        data.kind === 'gauge'
          ? data.points.map(({ value }) => [String(resource), String(scope), name, value])
          : [],
      ),
    ),
  );

describe('packing', () => {
  it('keeps every point under its names, in order, in requests within the bound', () => {
    fc.assert(
      fc.property(shape, (given) => {
        const resources = build(given);
        const packed = packRequests(resources, MAX_BYTES);
        const decoded = packed.map(({ body }) => decodeMetrics(Uint8Array.from(body)).resources);
        expect(valuesOf(decoded.flat())).toEqual(valuesOf(resources));
        for (const { body } of packed) expect(body.length).toBeLessThanOrEqual(MAX_BYTES);
        expect(packed.map(({ entries }) => entries)).toEqual(
          decoded.map((each) => valuesOf(each).length),
        );
      }),
    );
  });

  it('sends a point that is larger by itself alone', () => {
    const [resource] = build([[[2]]]);
    const packed = packRequests([resource!], 10);
    expect(packed.map(({ entries }) => entries)).toEqual([1, 1]);
  });
});
