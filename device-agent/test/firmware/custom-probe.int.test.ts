import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runProbe } from '../../src/firmware/custom-probe.ts';

const PATH = '/usr/bin:/bin';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-probe-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function command(script: string) {
  const program = join(folder, 'probe');
  writeFileSync(program, `#!/bin/sh\n${script}\n`);
  chmodSync(program, 0o755);
  return { kind: 'command', program } as const;
}

describe('a probe that is a command', () => {
  it('is well when it ends with 0', async () => {
    expect((await runProbe(command('exit 0'), 10_000, PATH)).fault).toBeNull();
  });

  it.each([
    ['exit 3', 10_000, /exited with code 3/],
    ['sleep 600', 100, /did not end within 100 ms/],
    ['kill -9 $$', 10_000, /failed/],
  ])('is not when it does: %s', async (script, timeoutMs, fault) => {
    expect((await runProbe(command(script), timeoutMs, PATH)).fault).toMatch(fault);
  });

  it('is not when it is missing', async () => {
    const probe = { kind: 'command', program: join(folder, 'nothing') } as const;
    expect((await runProbe(probe, 10_000, PATH)).fault).toContain('ENOENT');
  });
});

describe('a probe that is a URL', () => {
  let server: Server;
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it.each([
    ['answers 200', 200, 10_000, null],
    ['answers 503', 503, 10_000, /did not answer 200/],
    ['says nothing', null, 100, /within 100 ms/],
  ])('that %s', async (_what, status, timeoutMs, fault) => {
    server = createServer((_request, response) => {
      if (status !== null) response.writeHead(status).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const answer = await runProbe({ kind: 'http', url }, timeoutMs, PATH);
    if (fault === null) expect(answer.fault).toBeNull();
    else expect(answer.fault).toMatch(fault);
  });
});
