import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKafkaBroker } from '@flotilla/event-log/testing/kafka';
import { openDataFolder } from '@flotilla/stack/src/data-folder.ts';
import { Shutdown } from '@flotilla/stack/src/shutdown.ts';
import { freePorts } from '@flotilla/stack/src/supervisor/free-ports.ts';
import { loadingConfig, receivingConfig, startOtelcol } from './otelcol.ts';
import { openOwnPath, openWarehouseServer } from './own-path.ts';
import { playRound, type PathUnderTest, type Round } from './path-under-test.ts';
import type { Series } from './summary.ts';
import { signTokens } from './tokens.ts';
import { BodyTemplate, pointsPerRequest, type Shape } from './workload.ts';

const PEER_TOPIC = 'peer_otlp_metrics';
const PARTITIONS = '4';
/** As large as a broker of its own gets; its CPU is reported, not judged. */
const JVM_OPTIONS = ['-Xms512m', '-Xmx512m', '-XX:+UseSerialGC'];

export interface KafkaPlan {
  readonly shapes: readonly Shape[];
  readonly devices: number;
  readonly pointsPerRound: number;
  readonly rounds: number;
  readonly batchRows: number;
  readonly batchAgeMs: number;
  readonly connections: number;
  readonly otelcol: string | null;
  readonly profileFolder?: string | undefined;
}

/**
 * Our path and the peer's on one broker and into one warehouse server, all running from start to end;
 * rounds take turns, so that what else the machine does strikes both. The first of each is a warm-up.
 */
export async function measureOnKafka(plan: KafkaPlan): Promise<Series[]> {
  const shutdown = new Shutdown();
  const root = await mkdtemp(join(tmpdir(), 'flotilla-ingest-'));
  shutdown.add(() => rm(root, { recursive: true, force: true }));
  try {
    const { paths, privateKeyFile } = await openPaths(root, plan, shutdown);
    const all: Series[] = [];
    for (const shape of plan.shapes) {
      all.push(...(await playShape(shape, plan, paths, privateKeyFile)));
    }
    return all;
  } finally {
    await shutdown.run();
  }
}

type OpenPath = Omit<PathUnderTest, 'tokenFor'>;

async function openPaths(
  root: string,
  plan: KafkaPlan,
  shutdown: Shutdown,
): Promise<{ readonly paths: readonly OpenPath[]; readonly privateKeyFile: string }> {
  const folder = openDataFolder(root);
  const kafkaFolder = join(root, 'kafka');
  await mkdir(kafkaFolder);
  const broker = await startKafkaBroker({
    folder: kafkaFolder,
    jvmOptions: JVM_OPTIONS,
    properties: { 'auto.create.topics.enable': 'true', 'num.partitions': PARTITIONS },
  });
  shutdown.add(() => broker.stop());
  const { service, url: warehouseUrl } = await openWarehouseServer(folder, shutdown);
  const others = [
    { name: 'kafka', pid: broker.pid },
    { name: 'warehouse', pid: service.pid },
  ];
  const own = await openOwnPath(
    {
      folder,
      eventLogUrl: `${broker.url}?partitions=${PARTITIONS}`,
      warehouseUrl,
      batchRows: plan.batchRows,
      batchAgeMs: plan.batchAgeMs,
      profileFolder: plan.profileFolder,
      others,
    },
    shutdown,
  );
  const privateKeyFile = folder.deviceTokenPrivateKey;
  if (plan.otelcol === null) return { paths: [own], privateKeyFile };
  const [port = 0] = await freePorts(1);
  const start = async (name: string, config: Readonly<Record<string, unknown>>) => {
    const peer = await startOtelcol(name, plan.otelcol ?? '', folder.logs, config);
    shutdown.add(() => peer.stop());
    return peer;
  };
  const receiving = receivingConfig(port, broker.bootstrap, PEER_TOPIC);
  const loading = loadingConfig(broker.bootstrap, PEER_TOPIC, warehouseUrl, plan);
  const collector = await start('otelcol-receiving', receiving);
  const pipeline = await start('otelcol-loading', loading);
  const url = `http://127.0.0.1:${port}`;
  const peer: OpenPath = { name: 'otelcol', url, warehouseUrl, collector, pipeline, others };
  return { paths: [own, peer], privateKeyFile };
}

async function playShape(
  shape: Shape,
  plan: KafkaPlan,
  paths: readonly OpenPath[],
  privateKeyFile: string,
): Promise<Series[]> {
  const tokenFor = signTokens(privateKeyFile, shape, plan.devices);
  const requests = Math.ceil(plan.pointsPerRound / pointsPerRequest(shape));
  const { devices, connections } = plan;
  const startMs = Date.now();
  const rounds = paths.map((): Round[] => []);
  for (let round = 0; round <= plan.rounds; round += 1) {
    for (const [i, path] of paths.entries()) {
      const template = new BodyTemplate(shape, startMs - round * 1000);
      const load = { template, requests, devices, connections, run: `${shape.name}${round}` };
      // The peer asks for no token, so it gets none.
      const side = { ...path, tokenFor: path.name === 'flotilla' ? tokenFor : null };
      const measured = await playRound(side, load);
      if (round > 0) rounds[i]?.push(measured);
    }
  }
  return paths.map((path, i) => ({ side: path.name, load: shape.name, rounds: rounds[i] ?? [] }));
}
