import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readPrivateKey } from '@flotilla/signing';
import { bundleSchema } from '@flotilla/contracts';
import { publish } from '../client/publish.ts';
import { buildBundle, readBundleFolder } from '../firmware/build-bundle.ts';
import { buildSensorBundle, SENSOR_MODEL, SENSOR_VERSIONS } from '../firmware/sensor.ts';
import { CONNECTION_OPTIONS, connect, keyPath } from './connection.ts';
import { runDeadLetters } from './dead-letters.ts';
import { runKeys } from './keys.ts';
import { exitCodeOf, UsageError, wanted } from './outcome.ts';
import { runRelease } from './release.ts';
import { runRoot } from './root.ts';

const USAGE = `flotilla: publish firmware and steer campaigns of a running Flotilla

  publish-sample VERSION             one of the sample's releases: ${SENSOR_VERSIONS.join(', ')}
  publish FOLDER --model MODEL       bundle a folder that holds a bundle.json, sign and release it
  campaign FIRMWARE-ID [--name NAME] [--phases 1,10,100] [--threshold 0.05]
  register DEVICE-ID --model MODEL [--group GROUP] [--gateway-for ID-OR-PREFIX*]…
                                     prints the device's token
  campaigns | devices | firmware     list
  pause|resume|abort CAMPAIGN-ID --reason TEXT
  keys … | release … | root …        keys, signatures by several people, and who may sign
  dead-letters …                     records the pipeline could not read; these say their own arguments

Options for all: --url (default http://127.0.0.1:8080), --data (default .flotilla: the operator token),
--targets-key (default: targets.key.pem among the data's keys)
`;

const [first, ...rest] = process.argv.slice(2);
// Their arguments are their own, so they are not read here.
if (first === 'dead-letters') process.exit(await runDeadLetters(rest));
if (first === 'keys') process.exit(await runKeys(rest));
if (first === 'release') process.exit(await runRelease(rest));
if (first === 'root') process.exit(await runRoot(rest));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ...CONNECTION_OPTIONS,
    'targets-key': { type: 'string' },
    model: { type: 'string' },
    group: { type: 'string', default: 'default' },
    'gateway-for': { type: 'string', multiple: true },
    name: { type: 'string' },
    phases: { type: 'string', default: '1,10,100' },
    threshold: { type: 'string', default: '0.05' },
    reason: { type: 'string' },
  },
});

const api = () => connect(values);

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

async function release(model: string, version: string, artifact: Uint8Array): Promise<void> {
  const file = values['targets-key'] ?? keyPath(values, 'targets.key.pem');
  const key = readPrivateKey(readFileSync(file, 'utf8'));
  print(await publish(api(), { model, version, artifact }, key));
}

async function publishFolder(folder: string, model: string): Promise<void> {
  const files = await readBundleFolder(resolve(folder));
  const description = files.find((file) => file.name === 'bundle.json');
  if (description === undefined) throw new UsageError(`${folder} holds no bundle.json`);
  const bundle = bundleSchema.parse(JSON.parse(Buffer.from(description.content).toString('utf8')));
  await release(model, bundle.version, await buildBundle(files));
}

async function publishSample(version: string): Promise<void> {
  const known = SENSOR_VERSIONS.find((v) => v === version);
  if (known === undefined) throw new UsageError(`the sample has ${SENSOR_VERSIONS.join(', ')}`);
  await release(SENSOR_MODEL, known, await buildSensorBundle(known));
}

async function register(id: string, model: string): Promise<void> {
  const gatewayFor = values['gateway-for'];
  const { token } = await api().createDevice({
    id,
    model,
    group: values.group,
    ...(gatewayFor !== undefined && { gatewayFor }),
  });
  process.stdout.write(`${token}\n`);
}

async function createCampaign(firmwareId: string): Promise<void> {
  const phases = values.phases.split(',').map((percent) => ({ percent: Number(percent) }));
  const name = values.name ?? `Campaign for ${firmwareId}`;
  const errorThreshold = Number(values.threshold);
  print(await api().createCampaign({ name, firmwareId, phases, errorThreshold }));
}

const COMMANDS: Readonly<Record<string, (argument: string | undefined) => Promise<void>>> = {
  publish: (folder) => publishFolder(wanted(folder, 'FOLDER'), wanted(values.model, '--model')),
  'publish-sample': (version) => publishSample(wanted(version, 'VERSION')),
  register: (id) => register(wanted(id, 'DEVICE-ID'), wanted(values.model, '--model')),
  campaign: (id) => createCampaign(wanted(id, 'FIRMWARE-ID')),
  campaigns: async () => print(await api().campaigns()),
  devices: async () => print(await api().devices()),
  firmware: async () => print(await api().firmwares()),
  pause: (id) => act('pause', id),
  resume: (id) => act('resume', id),
  abort: (id) => act('abort', id),
};

async function act(action: 'pause' | 'resume' | 'abort', id: string | undefined): Promise<void> {
  print(await api().act(wanted(id, 'CAMPAIGN-ID'), action, wanted(values.reason, '--reason')));
}

process.exitCode = await exitCodeOf(USAGE, async () => {
  const command = COMMANDS[positionals[0] ?? ''];
  if (command === undefined) throw new UsageError(`unknown command ${positionals[0] ?? '(none)'}`);
  await command(positionals[1]);
});
