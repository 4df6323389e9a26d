import { ConfigError } from '@flotilla/service';
import { readMetadata, TrustError, verifyFirstRoot } from '@flotilla/trust';

/** Checks the root.json a device is provisioned with; throws ConfigError when it cannot be one. */
export function readRootFile(text: string): string {
  try {
    verifyFirstRoot(readMetadata('root', text));
    return text;
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw new ConfigError([`FLOTILLA_TUF_ROOT_FILE: ${error.message}`]);
  }
}
