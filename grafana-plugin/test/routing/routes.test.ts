import fc from 'fast-check';
import { deviceIdSchema } from '@flotilla/contracts';
import { describe, expect, it } from 'vitest';
import { parsePath, pathOf, type Route } from '../../src/routing/routes.ts';

describe('routes', () => {
  it.each<[string, Route]>([
    ['/', { page: 'fleet' }],
    ['/devices/device-01', { page: 'device', id: 'device-01' }],
    ['/devices/a.b', { page: 'device', id: 'a.b' }],
    ['/campaigns', { page: 'campaigns' }],
    ['/campaigns/', { page: 'campaigns' }],
    ['/campaigns/cmp_good00000001', { page: 'campaign', id: 'cmp_good00000001' }],
    ['/firmware', { page: 'firmware' }],
    ['/campaigns/new', { page: 'new-campaign' }],
    ['/provisioning', { page: 'provisioning' }],
    ['/devices', { page: 'devices' }],
    ['/devices?status=critical', { page: 'devices', filter: { status: 'critical' } }],
    ['/devices?group=berlin', { page: 'devices', filter: { group: 'berlin' } }],
    ['/devices?status=fine', { page: 'devices' }],
  ])('reads %s', (path, route) => {
    expect(parsePath(path)).toEqual(route);
  });

  it.each(['/devices/a/b', '/firmware/x', '/nowhere', '/devices/%', '/campaigns/a/b'])(
    'knows no page for %s',
    (path) => {
      expect(parsePath(path)).toEqual({ page: 'unknown', path });
    },
  );

  it('reads back every path it writes', () => {
    const id = fc.oneof(
      fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/),
      fc.string({ minLength: 1, unit: 'grapheme' }),
    );
    const route = fc.oneof(
      fc.constantFrom<Route>({ page: 'fleet' }, { page: 'campaigns' }, { page: 'firmware' }),
      fc.record({ page: fc.constant('device' as const), id }),
      fc.record({ page: fc.constant('campaign' as const), id }),
    );
    fc.assert(
      fc.property(route, (r) => {
        expect(parsePath(pathOf(r))).toEqual(r);
      }),
    );
  });

  it('leaves a device id of the contract readable in the address', () => {
    expect(deviceIdSchema.parse('Rack.7_node-2')).toBe('Rack.7_node-2');
    expect(pathOf({ page: 'device', id: 'Rack.7_node-2' })).toBe('/devices/Rack.7_node-2');
  });
});
