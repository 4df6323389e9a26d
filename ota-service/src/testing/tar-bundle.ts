import { BUNDLE_FILE, type Bundle } from '@flotilla/contracts';

export interface TarMember {
  readonly name: string;
  readonly content: Uint8Array;
  /** Type flag; `0` is a file. */
  readonly type?: string;
}

/** A POSIX ustar archive. */
export function tarOf(members: readonly TarMember[]): Buffer {
  const parts = members.flatMap(({ name, content, type = '0' }) => {
    const header = Buffer.alloc(512);
    header.write(name, 0, 100);
    header.write('0000644\0', 100);
    header.write('0000000\0', 108);
    header.write('0000000\0', 116);
    header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write('00000000000\0', 136);
    header.write(' '.repeat(8), 148);
    header.write(type, 156);
    header.write('ustar\x0000', 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

/** An artifact as the `directory` backend takes it: a valid bundle.json beside one payload file. */
export function tarBundle(version: string, payload: Uint8Array): Buffer {
  const bundle: Bundle = {
    schemaVersion: 1,
    version,
    command: ['node', 'server.js'],
    healthPath: '/health',
  };
  return tarOf([
    { name: BUNDLE_FILE, content: Buffer.from(JSON.stringify(bundle)) },
    { name: 'server.js', content: payload },
  ]);
}
