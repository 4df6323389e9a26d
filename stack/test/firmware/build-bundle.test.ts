import { extract } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { bundleSchema } from '@flotilla/contracts';
import { buildBundle } from '../../src/firmware/build-bundle.ts';
import { buildSensorBundle, SENSOR_VERSIONS } from '../../src/firmware/sensor.ts';

async function contents(tar: Buffer): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const reader = extract();
  reader.end(tar);
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(Buffer.from(chunk as Uint8Array));
    files.set(entry.header.name, Buffer.concat(chunks));
  }
  return files;
}

describe('buildBundle', () => {
  it('gives the same bytes for the same files, so a signed digest can be reproduced', async () => {
    const files = [{ name: 'a.txt', content: Buffer.from('one') }];
    expect(await buildBundle(files)).toEqual(await buildBundle(files));
  });

  it.each(SENSOR_VERSIONS)('sensor %s describes itself with its own version', async (version) => {
    const files = await contents(await buildSensorBundle(version));
    const bundle = bundleSchema.parse(JSON.parse(String(files.get('bundle.json'))));
    expect(bundle.version).toBe(version);
    expect([...files.keys()]).toContain(bundle.command[1]);
    expect(files.get('calibration.bin')).toHaveLength(4096 * 2 * 12);
  });
});
