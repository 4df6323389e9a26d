import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataFolder } from '@flotilla/stack/src/data-folder.ts';
import { Shutdown } from '@flotilla/stack/src/shutdown.ts';
import { openOwnPath } from './own-path.ts';
import { playRound, type Round } from './path-under-test.ts';
import type { Series } from './summary.ts';
import { signTokens } from './tokens.ts';
import { BodyTemplate, pointsPerRequest, type Shape } from './workload.ts';

export interface EmbeddedPlan {
  readonly shape: Shape;
  readonly devices: number;
  readonly pointsPerRound: number;
  readonly rounds: number;
  /** Of the round that warms up; as the others when left out. */
  readonly warmPoints?: number;
  readonly batchRows: number;
  readonly batchAgeMs: number;
  readonly connections: number;
  readonly profileFolder?: string | undefined;
}

/**
 * Collector on the sqlite log, pipeline with the warehouse in its process. The first round warms up
 * (code is compiled, every device is known) and is not counted.
 */
export async function measureEmbedded(plan: EmbeddedPlan): Promise<Series> {
  const shutdown = new Shutdown();
  const root = await mkdtemp(join(tmpdir(), 'flotilla-ingest-'));
  shutdown.add(() => rm(root, { recursive: true, force: true }));
  try {
    const folder = openDataFolder(root);
    const own = await openOwnPath(
      {
        folder,
        eventLogUrl: folder.eventLogUrl,
        warehouseUrl: folder.warehouseUrl,
        batchRows: plan.batchRows,
        batchAgeMs: plan.batchAgeMs,
        profileFolder: plan.profileFolder,
      },
      shutdown,
    );
    const path = {
      ...own,
      tokenFor: signTokens(folder.deviceTokenPrivateKey, plan.shape, plan.devices),
    };
    const perRequest = pointsPerRequest(plan.shape);
    const startMs = Date.now();
    const rounds: Round[] = [];
    for (let round = 0; round <= plan.rounds; round += 1) {
      const template = new BodyTemplate(plan.shape, startMs - round * 1000);
      const { devices, connections, pointsPerRound, warmPoints = pointsPerRound } = plan;
      const requests = Math.ceil((round === 0 ? warmPoints : pointsPerRound) / perRequest);
      const load = { template, requests, devices, connections, run: `r${round}` };
      const measured = await playRound(path, load);
      if (round > 0) rounds.push(measured);
    }
    return { side: 'embedded', load: `${plan.shape.name}, ${plan.devices} devices`, rounds };
  } finally {
    await shutdown.run();
  }
}
