import {
  labelMapSchema,
  LIFECYCLE_TARGETS,
  type DeviceDetail,
  type DeviceView,
} from '@flotilla/contracts';
import type { Argument, Call, Command } from '../command.ts';
import { show, UsageError } from '../outcome.ts';
import { textTable } from '../text-table.ts';

const DEVICE: Argument = { name: 'DEVICE-ID', kind: 'device-id' };
const MODEL = { value: 'MODEL', help: 'of this model' } as const;
const GROUP = { value: 'GROUP', help: 'of this group' } as const;

export const DEVICE_COMMANDS: readonly Command[] = [
  {
    name: 'device list',
    summary: 'devices with their versions and health',
    options: {
      model: MODEL,
      group: GROUP,
      lifecycle: { value: 'STATE', help: 'in this state of its life' },
    },
    async run({ api, options, asJson }) {
      const devices = await api().devices({
        model: options.text('model'),
        group: options.text('group'),
        lifecycle: options.text('lifecycle'),
      });
      show(devices, deviceRows(devices), asJson);
    },
  },
  {
    name: 'device show',
    argument: DEVICE,
    summary: 'one with its health and updates',
    async run({ api, argument, asJson }) {
      const device = await api().device(argument);
      show(device, deviceLines(device), asJson);
    },
  },
  {
    name: 'device register',
    argument: DEVICE,
    summary: 'register one, and print its token',
    options: {
      model: MODEL,
      group: GROUP,
      'gateway-for': {
        value: 'ID-OR-PREFIX*',
        help: 'it may send the telemetry of these devices as well',
        multiple: true,
      },
    },
    run: register,
  },
  {
    name: 'device label',
    argument: DEVICE,
    summary: 'replace its labels',
    options: { label: { value: 'KEY=VALUE', help: 'none: it has no labels', multiple: true } },
    async run({ api, argument, options, asJson }) {
      const labels = labelsOf(options.texts('label') ?? []);
      const answer = await api().setLabels(argument, labels);
      const lines = Object.entries(answer.labels).map(([key, value]) => `${key}=${value}`);
      show(answer, lines, asJson);
    },
  },
  {
    name: 'device lifecycle',
    argument: DEVICE,
    summary: 'move it to another state of its life',
    options: {
      to: { value: 'STATE', help: LIFECYCLE_TARGETS.join(', '), choices: LIFECYCLE_TARGETS },
      reason: { value: 'TEXT', help: 'for its history' },
    },
    async run({ api, argument, options, asJson }) {
      const to = LIFECYCLE_TARGETS.find((state) => state === options.wanted('to'));
      if (to === undefined) throw new UsageError(`--to is one of ${LIFECYCLE_TARGETS.join(', ')}`);
      const state = await api().changeLifecycle(argument, { to, reason: options.wanted('reason') });
      show(state, [`${argument} is ${state.lifecycle}`], asJson);
    },
  },
];

async function register({ api, argument: id, options, asJson }: Call): Promise<void> {
  const gatewayFor = options.texts('gateway-for');
  const created = await api().createDevice({
    id,
    model: options.wanted('model'),
    group: options.text('group') ?? 'default',
    ...(gatewayFor !== undefined && { gatewayFor: [...gatewayFor] }),
  });
  // The token alone, so that a shell can take it.
  show(created, [created.token], asJson);
}

function labelsOf(pairs: readonly string[]): Record<string, string> {
  const entries = pairs.map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1) throw new UsageError(`--label: ${pair} is not KEY=VALUE`);
    return [pair.slice(0, at), pair.slice(at + 1)] as const;
  });
  const labels = labelMapSchema.safeParse(Object.fromEntries(entries));
  if (labels.success) return labels.data;
  throw new UsageError(`--label: ${labels.error.issues[0]?.message ?? 'not valid'}`);
}

const healthOf = ({ health }: DeviceView): string =>
  health === null ? '-' : `${Math.round(health.score)} ${health.status}`;

function deviceRows(devices: readonly DeviceView[]): string[] {
  const rows = devices.map((device) => [
    device.id,
    device.model,
    device.group,
    device.lifecycle,
    device.firmwareVersion ?? '-',
    healthOf(device),
    device.lastSeenAt ?? 'never',
  ]);
  return textTable(['ID', 'MODEL', 'GROUP', 'LIFECYCLE', 'VERSION', 'HEALTH', 'LAST SEEN'], rows);
}

function deviceLines(device: DeviceDetail): string[] {
  const updates = device.updates.map((update) => [
    update.updatedAt,
    `${update.fromVersion ?? '-'} → ${update.toVersion}`,
    update.state,
    update.reason ?? '',
    update.campaignId,
  ]);
  const costs = Object.entries(device.health?.contributions ?? {})
    .filter(([, points]) => points > 0)
    .map(([signal, points]) => `  ${signal}: ${points.toFixed(1)}`);
  return [
    `${device.id}  ${device.model}, group ${device.group}, ${device.lifecycle}`,
    `runs ${device.firmwareVersion ?? 'nothing yet'}, last seen ${device.lastSeenAt ?? 'never'}`,
    `health ${healthOf(device)}`,
    ...costs,
    ...(device.withheld === null
      ? []
      : [`${device.withheld.version} is withheld: ${device.withheld.detail}`]),
    '',
    ...textTable(['AT', 'UPDATE', 'STATE', 'REASON', 'CAMPAIGN'], updates),
  ];
}
