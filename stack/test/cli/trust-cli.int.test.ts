import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { refreshMetadata, releaseAt, NotFoundError, type MetadataSet } from '@flotilla/trust';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  OPERATOR_TOKEN,
  startHarness,
  type OtaHarness,
} from '../../../ota-service/src/testing/ota-harness.ts';
import { tarBundle } from '../../../ota-service/src/testing/tar-bundle.ts';
import { capturedRun, type Run } from './captured-run.ts';

const COMMAND = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** Two people, a CI and a device around the real ota-service, by the command line alone. */
describe('flotilla keys, release and root', () => {
  let ota: OtaHarness;
  let folder: string;
  let trusted: MetadataSet;
  let token: string;
  const artifact = tarBundle('1.0.0', Buffer.alloc(400, 7));
  const key = (name: string) => join(folder, `${name}.key.pem`);
  const publicKey = (name: string) => join(folder, `${name}.pub.pem`);

  beforeAll(async () => {
    ota = await startHarness();
    folder = mkdtempSync(join(tmpdir(), 'flotilla-cli-'));
    mkdirSync(join(folder, 'data/keys'), { recursive: true });
    writeFileSync(join(folder, 'data/keys/operator.token'), OPERATOR_TOKEN);
    writeFileSync(join(folder, 'app.tar'), artifact);
    const [rootKey] = ota.offline.keys.root;
    writeFileSync(key('first'), rootKey!.export({ type: 'pkcs8', format: 'pem' }));
    trusted = { root: ota.offline.pinnedRoot, timestamp: null, snapshot: null, targets: null };
    token = (await ota.newDevice('cam')).token;
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await ota.close();
  });

  /** In this process, but for a key that comes on the standard input. */
  const run = (args: readonly string[], input?: string): Promise<Run> =>
    input === undefined ? capturedRun(args) : spawned(args, input);
  function spawned(args: readonly string[], input: string): Promise<Run> {
    return new Promise((resolve) => {
      const child = execFile(process.execPath, [COMMAND, ...args], (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code), out, err });
      });
      child.stdin?.end(input);
    });
  }
  const flotilla = (line: string, input?: string) =>
    run([...line.split(' '), '--url', ota.url, '--data', join(folder, 'data')], input);
  async function ok(line: string, input?: string): Promise<unknown> {
    const { code, out, err } = await flotilla(`${line} --json`, input);
    if (code !== 0) throw new Error(`${line}: ${err}`);
    return JSON.parse(out);
  }

  /** What a device makes of it now; what it trusts stays for the next time. */
  async function device(path: string) {
    const fetchMetadata = async (file: string) => {
      const answer = await ota.call('GET', `/device/v1/tuf/${file}`, token);
      if (answer.status === 404) throw new NotFoundError(file);
      return Buffer.from(await answer.arrayBuffer());
    };
    const workFolder = join(folder, 'work');
    const result = await refreshMetadata({ trusted, workFolder, fetchMetadata, nowMs: Date.now() });
    trusted = result.trusted;
    if (result.targets === null) return result.failure?.fault;
    return releaseAt(result.targets, path)?.sha256 ?? 'not signed';
  }

  it('make keys, and never over one that is there', async () => {
    for (const name of ['anna', 'ben', 'ci', 'root-2']) {
      const made = await run(['keys', 'create', name, '--keys', folder, '--json']);
      expect(made.code).toBe(0);
      const { keyId } = JSON.parse(made.out) as { keyId: string };
      const shown = await run(['keys', 'show', key(name), '--json']);
      expect(JSON.parse(shown.out)).toMatchObject({ keyId });
      expect(shown.out).not.toContain('PRIVATE');
    }
    const before = readFileSync(key('anna'), 'utf8');
    expect((await run(['keys', 'create', 'anna', '--keys', folder])).code).toBe(1);
    expect(readFileSync(key('anna'), 'utf8')).toBe(before);
  });

  it('tell a wrong call from a refusal', async () => {
    expect((await flotilla('release frob')).code).toBe(2);
    expect((await flotilla('release sign')).code).toBe(2);
    expect((await flotilla('root rotate --frob x')).code).toBe(2);
    expect((await flotilla('root rotate --targets-threshold 2')).code).toBe(2);
    expect((await run(['keys'])).code).toBe(2);
    const nothing = await flotilla('release publish');
    expect(nothing).toMatchObject({ code: 1, out: '' });
    expect(nothing.err).toContain('no targets is staged');
  });

  it('bring in two signers and a second root key by a new root', async () => {
    const targets = ['anna', 'ci'].map((name) => `--targets ${publicKey(name)}`).join(' ');
    const roots = `--root ${key('first')} --root ${publicKey('root-2')} --root-threshold 2`;
    await ok(`root rotate ${roots} ${targets} --targets-threshold 2`);
    expect((await flotilla('root publish')).code).toBe(1);
    await ok(`root sign --key ${key('first')}`);
    expect((await flotilla('root publish')).code).toBe(1);
    expect((await flotilla(`root sign --key ${key('ben')}`)).code).toBe(1);
    const signed = await ok(`root sign --key ${key('root-2')}`);
    expect(signed).toMatchObject({ staged: { signatures: [{ isMet: true }, { isMet: true }] } });
    expect(await ok('root publish')).toMatchObject({ version: 2, staged: null });
  });

  it('publish what a CI and a person signed, and not what one of them did', async () => {
    const app = join(folder, 'app.tar');
    const staged = await ok(`release add ${app} --model cam --version 1.0.0`);
    expect(staged).toMatchObject({ added: [{ path: 'cam/1.0.0' }], removed: [] });
    const other = await flotilla(`release sign --key ${key('ci')} --artifact ${COMMAND}`);
    expect(other.code).toBe(1);
    // The key of a CI is in no file of its machine.
    const secret = readFileSync(key('ci'), 'utf8');
    await ok(`release sign --key - --artifact ${app}`, secret);
    await ok(`release sign --key ${key('ci')}`);
    const early = await flotilla('release publish');
    expect(early.code).toBe(1);
    expect(early.err).toContain('signed by 1 of the 2 keys');
    expect((await flotilla(`release sign --key ${key('ben')}`)).code).toBe(1);
    await ok(`release sign --key ${key('anna')}`);
    expect(await ok('release publish')).toMatchObject({ version: 1, added: [{}] });
    expect(await device('cam/1.0.0')).toMatch(/^[0-9a-f]{64}$/);
  });

  it('replace a lost targets key, and the device follows', async () => {
    const targets = ['ben', 'ci'].map((name) => `--targets ${publicKey(name)}`).join(' ');
    await ok(`root rotate ${targets} --targets-threshold 2`);
    await ok(`root sign --key ${key('first')}`);
    await ok(`root sign --key ${key('root-2')}`);
    await ok('root publish');
    // Until the targets are signed anew, the old signatures are worth nothing.
    expect(await device('cam/1.0.0')).toBe('metadata_signature_invalid');
    await ok('release renew');
    expect((await flotilla(`release sign --key ${key('anna')}`)).code).toBe(1);
    await ok(`release sign --key ${key('ben')}`);
    await ok(`release sign --key ${key('ci')}`);
    await ok('release publish');
    expect(await device('cam/1.0.0')).toMatch(/^[0-9a-f]{64}$/);
  });

  it('withdraw by the same signatures', async () => {
    expect(await ok('release withdraw cam/1.0.0')).toMatchObject({ removed: ['cam/1.0.0'] });
    await ok(`release sign --key ${key('ben')}`);
    expect(await device('cam/1.0.0')).toMatch(/^[0-9a-f]{64}$/);
    await ok(`release sign --key ${key('ci')}`);
    await ok('release publish');
    expect(await device('cam/1.0.0')).toBe('not signed');
    expect((await flotilla('release withdraw cam/9.9.9')).code).toBe(1);
  });
});
