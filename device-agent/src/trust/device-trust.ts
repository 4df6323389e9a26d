import { join } from 'node:path';
import type { FirmwareTarget } from '@flotilla/contracts';
import type { Logger } from '@flotilla/service';
import { refreshMetadata, releaseAt, TrustError, type FetchMetadata } from '@flotilla/trust';
import type { DurableStep } from '../disk/durable-step.ts';
import { MetadataStore } from './metadata-store.ts';

/** What the signed metadata says of one target path. */
export type TargetAnswer =
  | { readonly kind: 'signed'; readonly target: FirmwareTarget }
  | { readonly kind: 'not_signed' }
  | { readonly kind: 'untrusted'; readonly error: TrustError };

export interface DeviceTrustOptions {
  readonly deviceDir: string;
  /** Text of the root.json that the device was provisioned with. */
  readonly pinnedRoot: string;
  readonly fetchMetadata: (
    file: string,
    maxBytes: number,
    signal: AbortSignal,
  ) => ReturnType<FetchMetadata>;
  readonly step: DurableStep;
  readonly now: () => number;
  readonly logger: Logger;
}

/** The one place that says what a device may install. One question at a time. */
export class DeviceTrust {
  readonly #options: DeviceTrustOptions;
  readonly #store: MetadataStore;

  private constructor(options: DeviceTrustOptions, store: MetadataStore) {
    this.#options = options;
    this.#store = store;
  }

  static async open(options: DeviceTrustOptions): Promise<DeviceTrust> {
    const { deviceDir, pinnedRoot, step, logger } = options;
    const store = await MetadataStore.open(join(deviceDir, 'trust'), pinnedRoot, step, logger);
    return new DeviceTrust(options, store);
  }

  /** Asks the repository anew: metadata of an hour ago does not tell what was withdrawn since. */
  async targetAt(path: string, signal: AbortSignal): Promise<TargetAnswer> {
    const { deviceDir, fetchMetadata, now, logger } = this.#options;
    const { trusted, failure, targets } = await refreshMetadata({
      trusted: this.#store.trusted,
      workFolder: join(deviceDir, 'trust', 'work'),
      fetchMetadata: (file, maxBytes) => fetchMetadata(file, maxBytes, signal),
      nowMs: now(),
    });
    // Before anything is installed by it: what was seen once may never be taken back.
    await this.#store.save(trusted);
    if (failure !== null || targets === null) {
      const error = failure ?? new TrustError('metadata_invalid', 'there are no targets');
      logger.warn({ err: error }, 'the metadata is not trusted');
      return { kind: 'untrusted', error };
    }
    return answer(() => releaseAt(targets, path));
  }
}

function answer(read: () => FirmwareTarget | null): TargetAnswer {
  try {
    const target = read();
    return target === null ? { kind: 'not_signed' } : { kind: 'signed', target };
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    return { kind: 'untrusted', error };
  }
}
