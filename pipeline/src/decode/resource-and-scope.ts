import { ATTR_SERVICE_NAME } from '@flotilla/contracts';
import { emptyAttributes, readAttribute, type Attributes } from './any-value.ts';
import type { ResourceFields, ScopeFields } from './rows.ts';
import type { WireReader } from '@flotilla/otlp';

/** One scope of one resource, its records not yet read. */
export interface ScopeGroup {
  readonly fields: ResourceFields & ScopeFields;
  readonly scopeDroppedAttributes: number;
  /** Bytes of what every row of the group repeats. */
  readonly sharedBytes: number;
  readonly records: readonly WireReader[];
}

/**
 * Walks Export{Metrics,Logs}ServiceRequest → Resource* → Scope* → records. Both signals number these
 * fields alike. Fields may come in any order, so a group is complete before its records are read.
 */
export function* scopeGroups(request: WireReader): Generator<ScopeGroup> {
  for (let field = request.next(); field !== 0; field = request.next()) {
    if (field === 1) yield* resourceGroups(request.message());
    else request.skip();
  }
}

function* resourceGroups(reader: WireReader): Generator<ScopeGroup> {
  const attributes = emptyAttributes();
  const scopes: WireReader[] = [];
  let schemaUrl = '';
  let resourceBytes = 0;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) resourceBytes += readResource(reader.message(), attributes);
    else if (field === 2) scopes.push(reader.message());
    else if (field === 3) schemaUrl = reader.string();
    else reader.skip();
  }
  const resource: ResourceFields = {
    ResourceAttributes: attributes,
    ResourceSchemaUrl: schemaUrl,
    ServiceName: attributes[ATTR_SERVICE_NAME] ?? '',
  };
  for (const scope of scopes) yield scopeGroup(scope, resource, resourceBytes + schemaUrl.length);
}

/** Returns the message's size. */
function readResource(reader: WireReader, into: Attributes): number {
  const bytes = reader.remainingBytes;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) readAttribute(reader.message(), into);
    else reader.skip();
  }
  return bytes;
}

function scopeGroup(
  reader: WireReader,
  resource: ResourceFields,
  resourceBytes: number,
): ScopeGroup {
  const scope = { name: '', version: '', attributes: emptyAttributes(), dropped: 0, bytes: 0 };
  const records: WireReader[] = [];
  let schemaUrl = '';
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) readScope(reader.message(), scope);
    else if (field === 2) records.push(reader.message());
    else if (field === 3) schemaUrl = reader.string();
    else reader.skip();
  }
  return {
    fields: {
      ...resource,
      ScopeName: scope.name,
      ScopeVersion: scope.version,
      ScopeAttributes: scope.attributes,
      ScopeSchemaUrl: schemaUrl,
    },
    scopeDroppedAttributes: scope.dropped,
    sharedBytes: resourceBytes + scope.bytes + schemaUrl.length,
    records,
  };
}

interface MutableScope {
  name: string;
  version: string;
  readonly attributes: Attributes;
  dropped: number;
  bytes: number;
}

function readScope(reader: WireReader, scope: MutableScope): void {
  scope.bytes += reader.remainingBytes;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) scope.name = reader.string();
    else if (field === 2) scope.version = reader.string();
    else if (field === 3) readAttribute(reader.message(), scope.attributes);
    else if (field === 4) scope.dropped = reader.uint32();
    else reader.skip();
  }
}
