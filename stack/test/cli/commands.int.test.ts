import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  OPERATOR_TOKEN,
  startHarness,
  type OtaHarness,
} from '../../../ota-service/src/testing/ota-harness.ts';
import { capturedRun, type Run } from './captured-run.ts';

describe('the command line', () => {
  let ota: OtaHarness;
  let folder: string;

  beforeAll(async () => {
    ota = await startHarness();
    folder = mkdtempSync(join(tmpdir(), 'flotilla-commands-'));
    mkdirSync(join(folder, 'keys'));
    writeFileSync(join(folder, 'keys/operator.token'), OPERATOR_TOKEN);
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await ota.close();
  });

  const run = (args: readonly string[], url = ota.url): Promise<Run> =>
    capturedRun([...args, '--url', url, '--data', folder]);

  it('registers a device, prints its token alone, and lists it for people and for machines', async () => {
    const registered = await run(['device', 'register', 'cam-1', '--model', 'cam']);
    expect(registered.out).toMatch(/^ey[\w-]+\.[\w-]+\.[\w-]+\n$/);
    expect((await run(['device', 'list'])).out).toMatch(/^ID .*\ncam-1 +cam +default/);
    const listed = JSON.parse((await run(['device', 'list', '--json'])).out) as { id: string }[];
    expect(listed.map(({ id }) => id)).toEqual(['cam-1']);
    expect(JSON.parse((await run(['device', 'list', '--model', 'other', '--json'])).out)).toEqual(
      [],
    );
  });

  it('exits with 1 and the reason when the service refuses', async () => {
    const refused = await run(['firmware', 'show', 'fw_000000000000']);
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('no firmware fw_000000000000');
  });

  it('exits with 1 when nobody answers', async () => {
    // Port 9 (discard): nothing listens there.
    expect(await run(['campaign', 'list'], 'http://127.0.0.1:9')).toMatchObject({
      code: 1,
      out: '',
    });
  });

  it.each([
    [['campaign', 'pause', 'cmp_000000000000'], '--reason is missing'],
    [['campaign', 'pause', '--reason', 'x'], 'CAMPAIGN-ID is missing'],
    [['campaign', 'create', 'fw_000000000000', '--phases', '10,x'], '--phases: x'],
    [['campaign', 'create', 'fw_000000000000', '--phases', '10,5,100'], 'must rise'],
    [['campaign', 'create', 'fw_000000000000', '--soak', '5'], '--soak: 5'],
    [['campaign', 'create', 'fw_000000000000', '--soka', '5m'], "'--soka'"],
    [['device', 'lifecycle', 'cam-1', '--to', 'lost', '--reason', 'x'], '--to is one of'],
    [['campaign', 'dance'], 'no command campaign dance'],
  ])('exits with 2 for %j and says what is wrong', async (args, words) => {
    const wrong = await run(args);
    expect(wrong).toMatchObject({ code: 2, out: '' });
    expect(wrong.err).toContain(words);
  });

  it('completes commands, options and ids', async () => {
    const complete = async (...words: string[]) =>
      (await capturedRun(['complete', '--', ...words])).out
        .split('\n')
        .filter((word) => word !== '');
    expect(await complete('cam')).toEqual(['campaign']);
    expect(await complete('campaign', 'pa')).toEqual(['pause']);
    expect(await complete('device', 'lifecycle', 'x', '--to', 'ma')).toEqual(['maintenance']);
    expect(await complete('campaign', 'create', 'x', '--soa')).toEqual(['--soak']);
    expect(await complete('nothing', '')).toEqual([]);
  });

  it.each(['bash', 'zsh', 'fish'])('prints a script for %s', async (shell) => {
    const script = await capturedRun(['completion', shell]);
    expect(script).toMatchObject({ code: 0, err: '' });
    expect(script.out).toContain('flotilla complete --');
  });
});
