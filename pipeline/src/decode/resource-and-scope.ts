import { ATTR_SERVICE_NAME } from '@flotilla/contracts';
import type { WireReader } from '@flotilla/otlp';
import type { AttributeMap } from './attribute-map.ts';
import type { RowWriter } from './row-writer.ts';

const SERVICE_NAME = Buffer.from(ATTR_SERVICE_NAME);

/** Where the rows' shared part is written. */
export interface SharedPart {
  readonly shared: RowWriter;
  readonly sharedAttributes: AttributeMap;
}

/** Called with the reader at the scope's first field; its records are field 2. */
export type TakeScope = (scope: WireReader, droppedAttributes: number) => void;

/**
 * Walks Export{Metrics,Logs,Trace}ServiceRequest → Resource* → Scope*, which number their fields alike.
 * Fields may come in any order, so each message is walked twice: first for what its records share,
 * then for the records. `withSchema` false leaves schema URLs and scope attributes out, which spans
 * have no column for.
 */
export function eachScope(
  request: WireReader,
  part: SharedPart,
  withSchema: boolean,
  take: TakeScope,
): void {
  const start = part.shared.length;
  for (let field = request.next(); field !== 0; field = request.next()) {
    if (field !== 1) {
      request.skip();
      continue;
    }
    part.shared.truncate(start);
    const outerEnd = request.enter();
    const first = request.position;
    writeResource(request, part, withSchema);
    request.seek(first);
    const mark = part.shared.length;
    for (let inner = request.next(); inner !== 0; inner = request.next()) {
      if (inner !== 2) {
        request.skip();
        continue;
      }
      part.shared.truncate(mark);
      const resourceEnd = request.enter();
      const firstOfScope = request.position;
      const dropped = writeScope(request, part, withSchema);
      request.seek(firstOfScope);
      take(request, dropped);
      request.leave(resourceEnd);
    }
    request.leave(outerEnd);
  }
}

function writeResource(reader: WireReader, part: SharedPart, withSchema: boolean): void {
  const { shared, sharedAttributes } = part;
  let schemaAt = 0;
  let schemaLength = 0;
  sharedAttributes.begin();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) {
      const outerEnd = reader.enter();
      for (let inner = reader.next(); inner !== 0; inner = reader.next()) {
        if (inner === 1) sharedAttributes.add(reader);
        else reader.skip();
      }
      reader.leave(outerEnd);
    } else if (field === 3) {
      schemaAt = reader.text();
      schemaLength = reader.spanLength;
    } else reader.skip();
  }
  sharedAttributes.end();
  sharedAttributes.valueOf(SERVICE_NAME, shared);
  if (withSchema) shared.bytesText(reader.source, schemaAt, schemaLength);
}

/** Returns the number of attributes the sender dropped. */
function writeScope(reader: WireReader, part: SharedPart, withSchema: boolean): number {
  const { shared, sharedAttributes } = part;
  const scope = { nameAt: 0, nameLength: 0, versionAt: 0, versionLength: 0, dropped: 0 };
  const start = shared.length;
  let schemaAt = 0;
  let schemaLength = 0;
  sharedAttributes.begin();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) {
      const outerEnd = reader.enter();
      readScope(reader, sharedAttributes, scope);
      reader.leave(outerEnd);
    } else if (field === 3) {
      schemaAt = reader.text();
      schemaLength = reader.spanLength;
    } else reader.skip();
  }
  sharedAttributes.end();
  if (!withSchema) shared.truncate(start);
  shared.bytesText(reader.source, scope.nameAt, scope.nameLength);
  shared.bytesText(reader.source, scope.versionAt, scope.versionLength);
  if (withSchema) shared.bytesText(reader.source, schemaAt, schemaLength);
  return scope.dropped;
}

interface ScopeSpans {
  nameAt: number;
  nameLength: number;
  versionAt: number;
  versionLength: number;
  dropped: number;
}

/** common.proto, InstrumentationScope. */
function readScope(reader: WireReader, attributes: AttributeMap, into: ScopeSpans): void {
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) {
      into.nameAt = reader.text();
      into.nameLength = reader.spanLength;
    } else if (field === 2) {
      into.versionAt = reader.text();
      into.versionLength = reader.spanLength;
    } else if (field === 3) attributes.add(reader);
    else if (field === 4) into.dropped = reader.uint32();
    else reader.skip();
  }
}
