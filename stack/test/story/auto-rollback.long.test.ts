import type { CampaignView, UpdateReason } from '@flotilla/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publish } from '../../src/client/publish.ts';
import { buildBundle } from '../../src/firmware/build-bundle.ts';
import { SENSOR_MODEL } from '../../src/firmware/sensor.ts';
import { Shutdown } from '../../src/shutdown.ts';
import { openTheatre, type Theatre } from '../../src/story/theatre.ts';
import { waitUntil } from '../../src/story/wait-until.ts';

const STEP_MS = 90_000;
const MAX_RSS_BYTES = 200 * 1024 ** 2;

const answering = `require('node:http').createServer((_, answer) => answer.end('ok'))
  .listen(Number(process.env.PORT), '127.0.0.1');`;

/** Each fault on the device of its own group, as a version of its own. */
const FAULTS = [
  { group: 'crash', version: '1.0.1', program: 'process.exit(7);', reason: 'trial_crashed' },
  {
    group: 'hang',
    version: '1.0.2',
    program: `require('node:net').createServer(() => undefined).listen(Number(process.env.PORT), '127.0.0.1');`,
    reason: 'trial_unhealthy',
  },
  {
    group: 'memory',
    version: '1.0.3',
    program: `${answering} globalThis.kept = Buffer.alloc(${2 * MAX_RSS_BYTES}, 1);`,
    reason: 'trial_memory_exceeded',
  },
  { group: 'offline', version: '1.0.4', program: answering, reason: 'trial_telemetry_lost' },
] as const satisfies readonly {
  readonly group: string;
  readonly version: string;
  readonly program: string;
  readonly reason: UpdateReason;
}[];

/** Confirmed on every device first, for an update has nothing to go back to before. */
const GOOD = '1.0.0';

describe('firmware that must not stay', () => {
  const shutdown = new Shutdown();
  let theatre: Theatre;

  beforeAll(async () => {
    theatre = await openTheatre(shutdown, {
      say: () => undefined,
      stepTimeoutMs: STEP_MS,
      devices: FAULTS.length,
      groupOf: (index) => FAULTS[index]!.group,
      agentSettings: { FLOTILLA_TRIAL_MAX_RSS_BYTES: String(MAX_RSS_BYTES) },
    });
  });
  afterAll(() => shutdown.run());

  const release = async (version: string, program: string) => {
    const bundle = {
      schemaVersion: 1,
      version,
      command: ['node', 'main.cjs'],
      healthPath: '/healthz',
    };
    const artifact = await buildBundle([
      { name: 'bundle.json', content: Buffer.from(JSON.stringify(bundle)) },
      { name: 'main.cjs', content: Buffer.from(program) },
    ]);
    const { api, stage } = theatre;
    return publish(api, { model: SENSOR_MODEL, version, artifact }, stage.targetsKey);
  };

  const campaign = async (version: string, program: string, groups?: string[]) => {
    const { id: firmwareId } = await release(version, program);
    return theatre.api.createCampaign({
      name: `version ${version}`,
      firmwareId,
      phases: [{ percent: 100 }],
      ...(groups !== undefined && { groups }),
    });
  };

  const reaches = (id: string, status: CampaignView['status']): Promise<CampaignView> =>
    waitUntil(`campaign ${id} ${status}`, STEP_MS, async () => {
      const view = await theatre.api.campaign(id);
      return view.status === status ? view : null;
    });

  const rolledBack = async (id: string, group: string, reason: UpdateReason): Promise<void> => {
    await reaches(id, 'paused');
    const member = theatre.members.find((candidate) => candidate.group === group);
    const outcome = { device: member?.id, outcome: 'rolled_back', reason };
    expect(await theatre.warehouse.outcomes(id)).toEqual([outcome]);
    await waitUntil(`${group} runs ${GOOD} again`, STEP_MS, async () => {
      const { firmwareVersion } = await theatre.api.device(member?.id ?? '');
      return firmwareVersion === GOOD ? true : null;
    });
  };

  /** Firmware that passes its trial and must not stay after all, because an operator says so. */
  const orderedBack = async (group: string): Promise<void> => {
    const { id } = await campaign('1.0.9', answering, [group]);
    await reaches(id, 'completed');
    await theatre.api.act(id, 'rollback', 'it wears out the flash');
    const { rollback } = await reaches(id, 'rolled_back');
    expect(rollback).toEqual({ updated: 1, returned: 1, remaining: 0 });
    const member = theatre.members.find((candidate) => candidate.group === group);
    const { firmwareVersion } = await theatre.api.device(member?.id ?? '');
    expect(firmwareVersion).toBe(GOOD);
  };

  it('is rolled back within its trial, and the warehouse knows why', async () => {
    await reaches((await campaign(GOOD, answering)).id, 'completed');
    const [crash, hang, memory, offline] = FAULTS;
    const running = [];
    for (const { group, version, program, reason } of [crash, hang, memory]) {
      const { id } = await campaign(version, program, [group]);
      running.push(rolledBack(id, group, reason));
    }
    await Promise.all(running);
    await orderedBack(crash.group);
    // Nobody takes telemetry any more; what the device reports to ota-service still arrives.
    await theatre.supervisor.stop(['collector']);
    const { id } = await campaign(offline.version, offline.program, [offline.group]);
    await rolledBack(id, offline.group, offline.reason);
  });
});
