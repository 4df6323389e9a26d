import { DecodeError, WireReader } from '@flotilla/otlp';

/**
 * Log records or spans of a request: Export…Request.resource_… (1), .scope_… (2), then the entries
 * (2), alike in logs and traces of opentelemetry-proto 1.x. 0 when the bytes cannot be read.
 */
export function countEntries(body: Uint8Array): number {
  try {
    return countBelow(new WireReader(body), [1, 2, 2]);
  } catch (error) {
    if (error instanceof DecodeError) return 0;
    throw error;
  }
}

function countBelow(reader: WireReader, path: readonly number[]): number {
  const [number, ...rest] = path;
  let count = 0;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === number && rest.length > 0) count += countBelow(reader.message(), rest);
    else {
      if (field === number) count += 1;
      reader.skip();
    }
  }
  return count;
}
