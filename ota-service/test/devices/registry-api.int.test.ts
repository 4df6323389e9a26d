import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  deviceCreatedSchema,
  deviceDetailSchema,
  deviceViewSchema,
  type DeviceView,
  type Problem,
} from '@flotilla/contracts';
import { verifyDeviceToken, readPublicKey } from '@flotilla/signing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeEngines } from '../../src/testing/engines.ts';
import { startHarness, type OtaHarness } from '../../src/testing/ota-harness.ts';

/** Speaks as much of ClickHouse's HTTP interface as one query needs. */
class TinyWarehouse {
  queries: URLSearchParams[] = [];
  rows: object[] = [];
  status = 200;
  readonly #server: Server = createServer((request, response) => {
    this.queries.push(new URL(request.url ?? '', 'http://x').searchParams);
    request.resume().on('end', () => {
      response.statusCode = this.status;
      response.end(this.rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    });
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

let ota: OtaHarness;
let warehouse: TinyWarehouse;
let nowMs: number;
describeEngines('devices', (engine) => {
  beforeEach(async () => {
    nowMs = Date.parse('2026-01-01T00:00:00Z');
    warehouse = new TinyWarehouse();
    ota = await startHarness({
      databaseUrl: await engine.newUrl(),
      warehouseUrl: await warehouse.listen(),
      clock: () => nowMs,
    });
  });
  afterEach(async () => {
    await ota.close();
    warehouse.close();
  });

  const create = (body: unknown) => ota.operator('POST', '/api/v1/devices', body);
  async function list(query: string): Promise<{ items: DeviceView[]; nextCursor: string | null }> {
    const answer = await ota.operator('GET', `/api/v1/devices${query}`);
    expect(answer.status).toBe(200);
    return (await answer.json()) as { items: DeviceView[]; nextCursor: string | null };
  }

  describe('registering a device', () => {
    it('answers with a token that verifies, once', async () => {
      const answer = await create({ id: 'dev-1', model: 'm', group: 'lab' });
      expect(answer.status).toBe(201);
      const { device, token } = deviceCreatedSchema.parse(await answer.json());
      expect(device).toMatchObject({ id: 'dev-1', lifecycle: 'provisioned', lastSeenAt: null });
      expect(await verifyDeviceToken(token, readPublicKey(ota.deviceKeys.publicKeyPem))).toEqual({
        deviceId: 'dev-1',
        model: 'm',
        group: 'lab',
      });
      const again = await create({ id: 'dev-1', model: 'other' });
      expect([again.status, await again.json()]).toMatchObject([409, { code: 'already_exists' }]);
      expect((await list('')).items).toMatchObject([{ id: 'dev-1', model: 'm' }]);
    });

    it('makes a gateway whose token says whom it speaks for', async () => {
      const gatewayFor = ['site-1-*', 'pump'];
      const answer = await create({ id: 'gw-1', model: 'gateway', gatewayFor });
      const { token } = deviceCreatedSchema.parse(await answer.json());
      expect(
        await verifyDeviceToken(token, readPublicKey(ota.deviceKeys.publicKeyPem)),
      ).toMatchObject({ deviceId: 'gw-1', gatewayFor });
    });

    it.each([
      [{ model: 'm' }, '/body/id'],
      [{ id: 'gw-1', model: 'm', gatewayFor: ['*'] }, '/body/gatewayFor/0'],
      [{ id: 'gw-1', model: 'm', gatewayFor: [] }, '/body/gatewayFor'],
      [{ id: '../etc', model: 'm' }, '/body/id'],
      [{ id: 'a'.repeat(65), model: 'm' }, '/body/id'],
      [{ id: 'dev-1', model: 'm', group: '' }, '/body/group'],
      [{ id: 'dev-1', model: 'm', more: true }, '/body'],
    ])('names field and rule of %j', async (body, pointer) => {
      const answer = await create(body);
      const problem = (await answer.json()) as Problem;
      expect([answer.status, problem.code]).toEqual([400, 'validation_failed']);
      expect(problem.errors?.map((error) => error.pointer)).toEqual([pointer]);
      expect((await list('')).items).toEqual([]);
    });
  });

  describe('listing devices', () => {
    beforeEach(async () => {
      for (const [id, model, group] of [
        ['a_1', 'm', 'lab'],
        ['a-2', 'm', 'field'],
        ['B-3', 'n', 'lab'],
        ['c%4', 'n', 'field'],
      ] as const) {
        await create({ id: id.replace('%', '.'), model, group });
      }
    });

    it.each([
      ['', ['B-3', 'a-2', 'a_1', 'c.4']],
      ['?model=m', ['a-2', 'a_1']],
      ['?group=lab', ['B-3', 'a_1']],
      ['?model=n&group=field', ['c.4']],
      ['?lifecycle=active', []],
      ['?q=b-', ['B-3']],
      ['?q=A', ['a-2', 'a_1']],
      ['?q=_', ['a_1']],
      ['?q=%25', []],
      ['?q=!', []],
    ])('%s gives %j', async (query, ids) => {
      expect((await list(query)).items.map((item) => item.id)).toEqual(ids);
    });

    it('pages through all of them', async () => {
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const page = await list(`?limit=3${cursor === null ? '' : `&cursor=${cursor}`}`);
        seen.push(...page.items.map((item) => item.id));
        cursor = page.nextCursor;
      } while (cursor !== null);
      expect(seen).toEqual(['B-3', 'a-2', 'a_1', 'c.4']);
    });

    it.each(['?limit=0', '?limit=x', '?lifecycle=gone', '?cursor=%25', '?q=', '?unknown=1'])(
      'refuses %s',
      async (query) => {
        const answer = await ota.operator('GET', `/api/v1/devices${query}`);
        expect([answer.status, await answer.json()]).toMatchObject([
          400,
          { code: 'validation_failed' },
        ]);
      },
    );
  });

  describe('health of devices', () => {
    const row = {
      DeviceId: 'dev-1',
      ComputedAt: '2026-01-01 12:00:00.250',
      Score: 91.5,
      Confidence: 0.8,
      Status: 'healthy',
      Contributions: { cpu: 8.5 },
    };
    const health = async () => {
      const answer = await ota.operator('GET', '/api/v1/devices/dev-1');
      return deviceDetailSchema.parse(await answer.json()).health;
    };
    beforeEach(() => create({ id: 'dev-1', model: 'm' }));

    it('comes from the warehouse, asked at most every two seconds', async () => {
      warehouse.rows = [row];
      const expected = {
        score: 91.5,
        confidence: 0.8,
        status: 'healthy',
        contributions: { cpu: 8.5 },
        computedAt: '2026-01-01T12:00:00.250Z',
      };
      expect(await health()).toEqual(expected);
      expect(deviceViewSchema.parse((await list('')).items[0]).health).toEqual(expected);
      expect(warehouse.queries).toHaveLength(1);
      expect(warehouse.queries[0]!.get('param_deviceIds')).toBe("['dev-1']");
      nowMs += 2000;
      warehouse.rows = [{ ...row, Score: 10, Status: 'critical' }];
      expect(await health()).toMatchObject({ score: 10, status: 'critical' });
    });

    it('comes for a full page of the longest ids', async () => {
      const ids = Array.from({ length: 250 }, (_, i) => `${'d'.repeat(60)}-${i}`.slice(-64));
      for (const id of ids) await create({ id, model: 'm' });
      warehouse.rows = ids.map((id) => ({ ...row, DeviceId: id }));
      const { items } = await list('?limit=500&q=ddd');
      expect(items).toHaveLength(250);
      expect(items.filter((item) => item.health === null)).toEqual([]);
    });

    it('is null when the warehouse fails, answers nonsense or knows nothing', async () => {
      warehouse.status = 500;
      expect(await health()).toBeNull();
      warehouse.status = 200;
      warehouse.rows = [row];
      expect(await health()).toBeNull();
      nowMs += 2000;
      warehouse.rows = [{ ...row, Status: 'splendid' }];
      expect(await health()).toBeNull();
      nowMs += 2000;
      warehouse.rows = [];
      expect(await health()).toBeNull();
      nowMs += 2000;
      warehouse.rows = [row];
      expect(await health()).not.toBeNull();
    });
  });

  it('knows no such device', async () => {
    const answer = await ota.operator('GET', '/api/v1/devices/nobody');
    expect([answer.status, await answer.json()]).toMatchObject([404, { code: 'not_found' }]);
  });
});
