import { createPublicKey, type KeyObject } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { generateEd25519, readPrivateKey, readPublicKey } from '@flotilla/signing';
import { tufKey } from '@flotilla/trust';
import { exitCodeOf, show, UsageError, wanted } from './outcome.ts';

const USAGE = `flotilla keys: Ed25519 keys of the people and machines that sign

  keys create NAME [--keys FOLDER]   NAME.key.pem, which stays here, and NAME.pub.pem, which goes
                                     to whoever makes the root (default FOLDER: .)
  keys show FILE                     key id and public key of either file

  --json                             for machines
`;

export function runKeys(args: readonly string[]): Promise<0 | 1 | 2> {
  return exitCodeOf(USAGE, () => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        keys: { type: 'string', default: '.' },
        json: { type: 'boolean', default: false },
      },
    });
    const [action, name] = positionals;
    if (action === 'create') create(resolve(values.keys), wanted(name, 'NAME'), values.json);
    else if (action === 'show') describe(wanted(name, 'FILE'), {}, values.json);
    else throw new UsageError(`unknown action ${action ?? '(none)'}`);
  });
}

function create(folder: string, name: string, asJson: boolean): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) throw new UsageError('NAME is a file name');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const pair = generateEd25519();
  const privateFile = join(folder, `${name}.key.pem`);
  const publicFile = join(folder, `${name}.pub.pem`);
  // Never over a key that is there: it may be the only one of its role.
  writeFileSync(privateFile, pair.privateKeyPem, { mode: 0o600, flag: 'wx' });
  writeFileSync(publicFile, pair.publicKeyPem, { flag: 'wx' });
  describe(publicFile, { privateFile, publicFile }, asJson);
}

function describe(file: string, files: Readonly<Record<string, string>>, asJson: boolean): void {
  const { keyID, keyVal } = tufKey(publicKeyIn(file));
  const described = { keyId: keyID, public: keyVal.public, ...files };
  show(
    described,
    Object.entries(described).map(([key, value]) => `${key}: ${value}`),
    asJson,
  );
}

/** The public key in a file that holds it or its private key. */
export function publicKeyIn(file: string): KeyObject {
  const pem = readFileSync(resolve(file), 'utf8');
  return pem.includes('PRIVATE KEY') ? createPublicKey(readPrivateKey(pem)) : readPublicKey(pem);
}

/** The private key in a file, or on the standard input for `-`, so that a CI need not write it down. */
export async function signingKey(file: string | undefined): Promise<KeyObject> {
  const from = wanted(file, '--key');
  return readPrivateKey(from === '-' ? await text(process.stdin) : readFileSync(from, 'utf8'));
}
