import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { bundleSchema, type FirmwareView } from '@flotilla/contracts';
import { readPrivateKey } from '@flotilla/signing';
import { publish } from '../../client/publish.ts';
import { buildBundle, readBundleFolder } from '../../firmware/build-bundle.ts';
import { buildSensorBundle, SENSOR_MODEL, SENSOR_VERSIONS } from '../../firmware/sensor.ts';
import type { Argument, Call, Command } from '../command.ts';
import { keyPath } from '../connection.ts';
import { show, UsageError } from '../outcome.ts';
import { textTable } from '../text-table.ts';

const FIRMWARE: Argument = { name: 'FIRMWARE-ID', kind: 'firmware-id' };
const TARGETS_KEY = {
  value: 'FILE',
  help: "that signs it (default: targets.key.pem among the data's keys)",
} as const;

export const FIRMWARE_COMMANDS: readonly Command[] = [
  {
    name: 'firmware list',
    summary: 'all versions',
    async run({ api, asJson }) {
      const all = await api().firmwares();
      show(all, firmwareRows(all), asJson);
    },
  },
  {
    name: 'firmware show',
    argument: FIRMWARE,
    summary: 'one with its deltas',
    async run({ api, argument, asJson }) {
      const one = await api().firmware(argument);
      show(one, firmwareLines(one), asJson);
    },
  },
  {
    name: 'firmware publish',
    argument: { name: 'FOLDER', kind: 'folder' },
    summary: 'bundle a folder that holds a bundle.json, sign and release it',
    options: { model: { value: 'MODEL', help: 'that it is for' }, 'targets-key': TARGETS_KEY },
    run: publishFolder,
  },
  {
    name: 'firmware publish-sample',
    argument: { name: 'VERSION', kind: 'text' },
    summary: `one of the sample's releases: ${SENSOR_VERSIONS.join(', ')}`,
    options: { 'targets-key': TARGETS_KEY },
    run: publishSample,
  },
  {
    name: 'firmware withdraw',
    argument: FIRMWARE,
    summary: 'offer it to nobody any more, and pause its campaigns',
    options: { reason: { value: 'TEXT', help: 'for people' } },
    async run({ api, argument, options, asJson }) {
      const one = await api().withdrawFirmware(argument, options.wanted('reason'));
      show(one, firmwareLines(one), asJson);
    },
  },
];

async function publishFolder(call: Call): Promise<void> {
  const folder = call.argument;
  const model = call.options.wanted('model');
  const files = await readBundleFolder(resolve(folder));
  const description = files.find((file) => file.name === 'bundle.json');
  if (description === undefined) throw new UsageError(`${folder} holds no bundle.json`);
  const bundle = bundleSchema.parse(JSON.parse(Buffer.from(description.content).toString('utf8')));
  await release(call, model, bundle.version, await buildBundle(files));
}

async function publishSample(call: Call): Promise<void> {
  const known = SENSOR_VERSIONS.find((version) => version === call.argument);
  if (known === undefined) throw new UsageError(`the sample has ${SENSOR_VERSIONS.join(', ')}`);
  await release(call, SENSOR_MODEL, known, await buildSensorBundle(known));
}

async function release(
  { options, connection, api, asJson }: Call,
  model: string,
  version: string,
  artifact: Uint8Array,
): Promise<void> {
  const file = options.text('targets-key') ?? keyPath(connection, 'targets.key.pem');
  const key = readPrivateKey(readFileSync(file, 'utf8'));
  const firmware = await publish(api(), { model, version, artifact }, key);
  show(firmware, firmwareLines(firmware), asJson);
}

function firmwareRows(all: readonly FirmwareView[]): string[] {
  const rows = all.map((one) => [
    one.id,
    one.model,
    one.version,
    one.state,
    String(one.sizeBytes),
    one.channels.join(','),
  ]);
  return textTable(['ID', 'MODEL', 'VERSION', 'STATE', 'BYTES', 'CHANNELS'], rows);
}

function firmwareLines(one: FirmwareView): string[] {
  const deltas = one.deltas.map(({ baseVersion, state, sizeBytes, detail }) => [
    baseVersion,
    state,
    sizeBytes === null ? '-' : String(sizeBytes),
    detail ?? '',
  ]);
  return [
    `${one.id}  ${one.model} ${one.version}, ${one.state}`,
    `${one.sizeBytes} bytes, ${one.fullTransferBytes} to transfer, sha256 ${one.sha256}`,
    ...(one.withdrawalReason === null ? [] : [`withdrawn: ${one.withdrawalReason}`]),
    ...(deltas.length === 0
      ? []
      : ['', ...textTable(['DELTA FROM', 'STATE', 'BYTES', ''], deltas)]),
  ];
}
