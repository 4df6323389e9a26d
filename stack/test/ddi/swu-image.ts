import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A key and certificate that a SWUpdate device trusts; made by openssl in `folder`. */
export interface SwuSigner {
  readonly key: string;
  readonly certificate: string;
}

export function createSigner(folder: string): SwuSigner {
  const key = join(folder, 'swu.key.pem');
  const certificate = join(folder, 'swu.cert.pem');
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=swu-test'],
      ...['-addext', 'extendedKeyUsage=emailProtection', '-keyout', key, '-out', certificate],
    ],
    { stdio: 'ignore' },
  );
  return { key, certificate };
}

/**
 * A signed .swu with one raw image for the file `slot`: a cpio archive of sw-description, its CMS
 * signature, and the image (SWUpdate's documented layout).
 */
export function buildSwu(
  folder: string,
  signer: SwuSigner,
  version: string,
  image: Uint8Array,
  slot: string,
): Uint8Array {
  const sha256 = createHash('sha256').update(image).digest('hex');
  writeFileSync(join(folder, 'root.img'), image);
  writeFileSync(
    join(folder, 'sw-description'),
    `software = {
  version = "${version}";
  hardware-compatibility: [ "1.0" ];
  images: ( { filename = "root.img"; device = "${slot}"; type = "raw"; sha256 = "${sha256}"; } );
}
`,
  );
  execFileSync(
    'openssl',
    [
      ...['cms', '-sign', '-in', 'sw-description', '-out', 'sw-description.sig'],
      ...['-signer', signer.certificate, '-inkey', signer.key],
      ...['-outform', 'DER', '-nosmimecap', '-binary'],
    ],
    { cwd: folder },
  );
  execFileSync('cpio', ['--quiet', '-o', '-H', 'crc', '-F', 'out.swu'], {
    cwd: folder,
    input: 'sw-description\nsw-description.sig\nroot.img\n',
  });
  return readFileSync(join(folder, 'out.swu'));
}
