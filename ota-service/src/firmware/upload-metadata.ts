import { firmwareUploadQuerySchema, type FirmwareUploadQuery } from '@flotilla/contracts';
import { parseRequest, ProblemError } from '@flotilla/service';

const KNOWN = new Set(Object.keys(firmwareUploadQuerySchema.shape));

/**
 * Reads an `Upload-Metadata` header (tus 1.0.0, Creation): `key base64,key base64`. Keys that clients
 * add of themselves, such as `filename`, are passed over. Throws ProblemError `validation_failed`.
 */
export function parseUploadMetadata(header: string): FirmwareUploadQuery {
  const pairs = header.split(',').flatMap((pair) => {
    const [key = '', value = ''] = pair.trim().split(' ');
    return KNOWN.has(key) ? [[key, decode(key, value)] as const] : [];
  });
  return parseRequest(firmwareUploadQuerySchema, Object.fromEntries(pairs), 'query');
}

function decode(key: string, value: string): string {
  if (/^[A-Za-z0-9+/]*={0,2}$/.test(value)) return Buffer.from(value, 'base64').toString('utf8');
  const detail = `the Upload-Metadata value of ${key} is not base64`;
  throw new ProblemError('validation_failed', { detail });
}
