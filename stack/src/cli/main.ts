import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readPrivateKey } from '@flotilla/signing';
import { bundleSchema } from '@flotilla/contracts';
import { ApiClient, ApiProblem } from '../client/api-client.ts';
import { runDeadLetters } from './dead-letters.ts';
import { publish } from '../client/publish.ts';
import { buildBundle, readBundleFolder } from '../firmware/build-bundle.ts';
import { buildSensorBundle, SENSOR_MODEL, SENSOR_VERSIONS } from '../firmware/sensor.ts';

const USAGE = `flotilla: publish firmware and steer campaigns of a running Flotilla

  publish-sample VERSION             one of the sample's releases: ${SENSOR_VERSIONS.join(', ')}
  publish FOLDER --model MODEL       bundle a folder that holds a bundle.json, sign and release it
  campaign FIRMWARE-ID [--name NAME] [--phases 1,10,100] [--threshold 0.05]
  register DEVICE-ID --model MODEL [--group GROUP] [--gateway-for ID-OR-PREFIX*]…
                                     prints the device's token
  campaigns | devices | firmware     list
  pause|resume|abort CAMPAIGN-ID --reason TEXT
  dead-letters …                     records the pipeline could not read; says its own arguments

Options for all: --url (default http://127.0.0.1:8080), --data (default .flotilla: the operator token),
--targets-key (default: targets.key.pem among the data's keys)
`;

class UsageError extends Error {}

const [first, ...rest] = process.argv.slice(2);
// Its arguments are the pipeline's own, so they are not read here.
if (first === 'dead-letters') process.exit(await runDeadLetters(rest));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8080' },
    data: { type: 'string', default: process.env.FLOTILLA_DATA_DIR ?? '.flotilla' },
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

const keyPath = (name: string) => join(resolve(values.data), 'keys', name);

const api = () => new ApiClient(values.url, readFileSync(keyPath('operator.token'), 'utf8').trim());

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

function wanted(value: string | undefined, what: string): string {
  if (value === undefined || value === '') throw new UsageError(`${what} is missing`);
  return value;
}

async function release(model: string, version: string, artifact: Uint8Array): Promise<void> {
  const file = values['targets-key'] ?? keyPath('targets.key.pem');
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

/** Exit codes: 0 done, 1 the service refused or did not answer, 2 the call was wrong. */
try {
  const command = COMMANDS[positionals[0] ?? ''];
  if (command === undefined) throw new UsageError(`unknown command ${positionals[0] ?? '(none)'}`);
  await command(positionals[1]);
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n\n${USAGE}`);
    process.exit(2);
  }
  const problem = error instanceof ApiProblem ? error.problem.errors : undefined;
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  for (const { pointer, detail } of problem ?? [])
    process.stderr.write(`  ${pointer}: ${detail}\n`);
  process.exit(1);
}
