import { createHash } from 'node:crypto';
import { createReadStream, openAsBlob } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { FirmwareTarget, TrustView } from '@flotilla/contracts';
import {
  draftTargets,
  fromDocument,
  releasesIn,
  toDocument,
  TrustError,
  withoutRelease,
  withRelease,
  type MetadataOf,
} from '@flotilla/trust';
import type { ApiClient } from '../client/api-client.ts';
import { TARGETS_VALIDITY_MS } from '../client/publish.ts';
import { CONNECTION_OPTIONS, connect } from './connection.ts';
import { signingKey } from './keys.ts';
import { exitCodeOf, show, UsageError, wanted } from './outcome.ts';
import { linesOf, signStaged, stagedOf, statusOf } from './staged.ts';

const USAGE = `flotilla release: what the targets role signs, from one signer or several

  release add FILE --model MODEL --version VERSION [--format tar|image] [--allow-downgrade]
              [--minimum-version VERSION] [--hardware REVISION]…
                                upload an artifact and stage targets that name it
  release withdraw MODEL/VERSION   stage targets without it
  release renew                 stage the same targets with a later expiry
  release show                  what is staged, what it changes, who signed
  release sign --key FILE|- [--artifact FILE]
                                sign what is staged; with --artifact only if all it changes is to
                                add exactly these bytes
  release publish               put what is staged in force

  --json for machines; --url and --data as for 'flotilla'
`;

const OPTIONS = {
  ...CONNECTION_OPTIONS,
  model: { type: 'string' },
  version: { type: 'string' },
  format: { type: 'string', default: 'tar' },
  'minimum-version': { type: 'string' },
  hardware: { type: 'string', multiple: true, default: [] as string[] },
  'allow-downgrade': { type: 'boolean', default: false },
  key: { type: 'string' },
  artifact: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

export function runRelease(args: readonly string[]): Promise<0 | 1 | 2> {
  return exitCodeOf(USAGE, async () => {
    const parsed = parseCall(args);
    const action = ACTIONS[parsed.positionals[0] ?? ''];
    if (action === undefined) throw new UsageError('unknown action of release');
    const view = await action({ ...parsed, api: connect(parsed.values) });
    if (view !== null) showStaged(view, parsed.values.json);
  });
}

type Call = ReturnType<typeof parseCall> & { readonly api: ApiClient };
const parseCall = (args: readonly string[]) =>
  parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });

/** Each gives what to show of the staged targets; null when it has shown something itself. */
const ACTIONS: Readonly<Record<string, (call: Call) => Promise<TrustView | null>>> = {
  add,
  withdraw: ({ api, positionals }) => {
    const path = wanted(positionals[1], 'MODEL/VERSION');
    return stage(api, (targets) => withoutRelease(targets, path));
  },
  renew: ({ api }) => stage(api, (targets) => targets),
  show: ({ api }) => api.trust(),
  sign,
  publish: async ({ api, values }) => {
    const view = await api.trust();
    const staged = stagedOf(view, 'targets');
    const { added, removed } = changesOf(view);
    await api.publishMetadata('targets', toDocument(staged));
    const published = { version: staged.signed.version, added, removed };
    const lines = [`targets ${published.version} is in force`, ...changeLines(published)];
    show(published, lines, values.json);
    return null;
  },
};

async function add({ api, positionals, values }: Call): Promise<TrustView> {
  // Images of several GB are not read into memory.
  const artifact = await openAsBlob(resolve(wanted(positionals[1], 'FILE')));
  const { format } = values;
  if (format !== 'tar' && format !== 'image') throw new UsageError('--format is tar or image');
  const minimumVersion = values['minimum-version'];
  const { target } = await api.uploadFirmware(
    wanted(values.model, '--model'),
    wanted(values.version, '--version'),
    artifact,
    format,
    {
      ...(minimumVersion !== undefined && { minimumVersion }),
      ...(values.hardware.length > 0 && { hardwareRevisions: values.hardware.join(',') }),
      ...(values['allow-downgrade'] && { allowDowngrade: 'true' }),
    },
  );
  return stage(api, (targets) => withRelease(targets, target));
}

/** On top of what is staged already; who signed that has to sign again. */
async function stage(
  api: ApiClient,
  change: (targets: MetadataOf['targets']) => MetadataOf['targets'],
): Promise<TrustView> {
  const view = await api.trust();
  const current = view.targets === null ? null : fromDocument('targets', view.targets);
  const next = draftTargets(current, Date.now() + TARGETS_VALIDITY_MS);
  const isGoingOn = view.staged.targets?.signed.version === next.signed.version;
  const draft = isGoingOn ? stagedOf(view, 'targets') : next;
  return api.stageMetadata('targets', toDocument(change(draft)));
}

async function sign({ api, values }: Call): Promise<TrustView> {
  const key = await signingKey(values.key);
  const view = await api.trust();
  if (values.artifact !== undefined) {
    requireOnly(changesOf(view), await digestOf(resolve(values.artifact)));
  }
  await signStaged(api, view, 'targets', key);
  return api.trust();
}

interface Changes {
  readonly added: readonly FirmwareTarget[];
  readonly removed: readonly string[];
}

/** What a signer puts a name to, beside a version and a date. */
function changesOf(view: TrustView): Changes {
  const before = view.targets === null ? [] : releasesIn(fromDocument('targets', view.targets));
  const after = releasesIn(stagedOf(view, 'targets'));
  const known = new Set(before.map((target) => JSON.stringify(target)));
  const kept = new Set(after.map(({ path }) => path));
  return {
    added: after.filter((target) => !known.has(JSON.stringify(target))),
    removed: before.map(({ path }) => path).filter((path) => !kept.has(path)),
  };
}

type ArtifactDigest = Pick<FirmwareTarget, 'sha256' | 'sizeBytes'>;

async function digestOf(path: string): Promise<ArtifactDigest> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk as Buffer);
    sizeBytes += (chunk as Buffer).length;
  }
  return { sha256: hash.digest('hex'), sizeBytes };
}

/** ota-service hands out what is staged: a signer that has the bytes need not take its word. */
function requireOnly({ added, removed }: Changes, artifact: ArtifactDigest): void {
  const [only] = added;
  const isIt = added.length === 1 && only?.sha256 === artifact.sha256;
  if (isIt && only?.sizeBytes === artifact.sizeBytes && removed.length === 0) return;
  throw new TrustError('metadata_invalid', 'what is staged is not this artifact alone');
}

const changeLines = ({ added, removed }: Changes): string[] => [
  ...added.map(({ path, sha256, sizeBytes }) => `  + ${path} ${sizeBytes} bytes ${sha256}`),
  ...removed.map((path) => `  - ${path}`),
];

function showStaged(view: TrustView, asJson: boolean): void {
  const status = statusOf(view, 'targets');
  const changes = changesOf(view);
  show({ ...status, ...changes }, [...linesOf(status), ...changeLines(changes)], asJson);
}
