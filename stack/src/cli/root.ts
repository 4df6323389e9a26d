import { parseArgs } from 'node:util';
import type { TrustView } from '@flotilla/contracts';
import {
  fromDocument,
  nextRoot,
  toDocument,
  TRUST_ROLES,
  type MetadataOf,
  type RoleKeys,
  type TrustRole,
} from '@flotilla/trust';
import type { ApiClient } from '../client/api-client.ts';
import { CONNECTION_OPTIONS, connect } from './connection.ts';
import { publicKeyIn, signingKey } from './keys.ts';
import { exitCodeOf, show, UsageError } from './outcome.ts';
import { linesOf, signStaged, stagedOf, statusOf } from './staged.ts';

const USAGE = `flotilla root: who may sign, and how many of them must

  root show                          the root in force, and what is staged
  root rotate [--ROLE PUBLIC-KEY-FILE… [--ROLE-threshold N]]… [--days N]
                                     stage the next root: the roles named get exactly these keys,
                                     the others keep theirs; ROLE: ${TRUST_ROLES.join(', ')}.
                                     --days (default 365) until it expires
  root sign --key FILE|-             sign what is staged: the threshold of the old root keys and that
                                     of the new ones must
  root publish                       put it in force; after new targets keys, go on with
                                     'release renew', sign, publish

  --json for machines; --url and --data as for 'flotilla'
`;

const files = { type: 'string', multiple: true } as const;
const number = { type: 'string' } as const;
const OPTIONS = {
  ...CONNECTION_OPTIONS,
  root: files,
  targets: files,
  snapshot: files,
  timestamp: files,
  'root-threshold': number,
  'targets-threshold': number,
  'snapshot-threshold': number,
  'timestamp-threshold': number,
  days: { type: 'string', default: '365' },
  key: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

const DAY_MS = 86_400_000;

const parseCall = (args: readonly string[]) =>
  parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
type Values = ReturnType<typeof parseCall>['values'];

export function runRoot(args: readonly string[]): Promise<0 | 1 | 2> {
  return exitCodeOf(USAGE, async () => {
    const { values, positionals } = parseCall(args);
    const action = ACTIONS[positionals[0] ?? ''];
    if (action === undefined) throw new UsageError('unknown action of root');
    showRoot(await action(connect(values), values), values.json);
  });
}

const ACTIONS: Readonly<Record<string, (api: ApiClient, values: Values) => Promise<TrustView>>> = {
  show: (api) => api.trust(),
  rotate: async (api, values) => {
    const current = fromDocument('root', (await api.trust()).root);
    const next = nextRoot(current, rolesIn(values), Date.now() + positive(values.days) * DAY_MS);
    return api.stageMetadata('root', toDocument(next));
  },
  sign: async (api, values) => {
    await signStaged(api, await api.trust(), 'root', await signingKey(values.key));
    return api.trust();
  },
  publish: async (api) => {
    const staged = stagedOf(await api.trust(), 'root');
    return api.publishMetadata('root', toDocument(staged));
  },
};

/** A role that gets no keys keeps its own; its threshold alone cannot be changed. */
function rolesIn(values: Values): Partial<Record<TrustRole, RoleKeys>> {
  const roles: Partial<Record<TrustRole, RoleKeys>> = {};
  for (const role of TRUST_ROLES) {
    const keys = values[role]?.map(publicKeyIn);
    const threshold = values[`${role}-threshold`];
    if (keys !== undefined) roles[role] = { keys, threshold: positive(threshold ?? '1') };
    else if (threshold !== undefined) {
      throw new UsageError(`--${role}-threshold needs the keys of the role, by --${role}`);
    }
  }
  return roles;
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new UsageError(`${text} is no whole number above zero`);
}

function showRoot(view: TrustView, asJson: boolean): void {
  const inForce = rolesOf(fromDocument('root', view.root));
  const staged = view.staged.root === null ? null : statusOf(view, 'root');
  const lines = [
    `root ${inForce.version}, good until ${inForce.expires}`,
    ...inForce.roles.map(({ role, threshold, keyIds }) =>
      [`  ${role}: ${threshold} of`, ...keyIds].join(' '),
    ),
    ...(staged === null ? [] : ['staged:', ...linesOf(staged)]),
  ];
  show({ ...inForce, staged }, lines, asJson);
}

function rolesOf({ signed }: MetadataOf['root']) {
  const roles = TRUST_ROLES.map((role) => {
    const { threshold = 0, keyIDs = [] } = signed.roles[role] ?? {};
    return { role, threshold, keyIds: keyIDs };
  });
  return { version: signed.version, expires: signed.expires, roles };
}
