import { join } from 'node:path';
import type { DurableStep } from '../disk/durable-step.ts';
import {
  TwoCopyStore,
  type CopyLocation,
  type OpenedEnvironment,
} from '../slots/boot-environment-store.ts';
import { GRUB_BLOCK_BYTES, grubFormat } from './grub-environment.ts';
import { ubootFormat } from './uboot-environment.ts';

/** Where a boot loader keeps its environment, as the agent is told. */
export type LoaderEnvironment =
  | {
      readonly loader: 'uboot';
      /** Both lines of fw_env.config. */
      readonly locations: readonly [CopyLocation, CopyLocation];
      /** CONFIG_ENV_SIZE. */
      readonly sizeBytes: number;
    }
  /** The folder, on a file system that GRUB can write, with `env0` and `env1`. */
  | { readonly loader: 'grub'; readonly folder: string };

/** For ImageBackendOptions.openEnvironment. */
export function openLoaderEnvironment(
  environment: LoaderEnvironment,
  tries: number,
  step: DurableStep,
): Promise<OpenedEnvironment> {
  if (environment.loader === 'uboot') {
    const { sizeBytes, locations } = environment;
    return TwoCopyStore.open(ubootFormat(sizeBytes, tries), locations, step);
  }
  return TwoCopyStore.open(grubFormat(tries), grubLocations(environment.folder), step);
}

export function grubLocations(folder: string): readonly [CopyLocation, CopyLocation] {
  const at = (name: string): CopyLocation => ({ path: join(folder, name), offsetBytes: 0 });
  return [at('env0'), at('env1')];
}

/** Bytes of a copy. */
export function copySizeBytes(environment: LoaderEnvironment): number {
  return environment.loader === 'uboot' ? environment.sizeBytes : GRUB_BLOCK_BYTES;
}
