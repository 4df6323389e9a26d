import { manifestRowSchema, type ManifestRow } from '@flotilla/contracts';

export type LineReading =
  | { readonly kind: 'row'; readonly row: ManifestRow }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'fault'; readonly detail: string };

/** Names in the head of a CSV manifest, and the fields they stand for. */
const COLUMNS: Readonly<Record<string, keyof ManifestRow>> = {
  serial: 'serial',
  model: 'model',
  claim_key: 'claimKey',
  hardware_revision: 'hardwareRevision',
};

/** Reads a manifest line by line; a CSV's first line names its columns. */
export class ManifestLines {
  readonly #format: 'csv' | 'jsonl';
  #columns: readonly (keyof ManifestRow)[] | null = null;

  constructor(format: 'csv' | 'jsonl') {
    this.#format = format;
  }

  read(line: string): LineReading {
    if (line.trim() === '') return { kind: 'nothing' };
    if (this.#format === 'jsonl') return jsonLine(line);
    const fields = csvFields(line);
    if (fields === null) return { kind: 'fault', detail: 'a quotation mark is not closed' };
    if (this.#columns === null) return this.#head(fields);
    if (fields.length !== this.#columns.length) {
      return { kind: 'fault', detail: `${fields.length} fields, not ${this.#columns.length}` };
    }
    const entries = this.#columns.map((column, i) => [column, fields[i]] as const);
    // An empty optional field is one that is not there.
    return checked(Object.fromEntries(entries.filter(([, value]) => value !== '')));
  }

  #head(fields: readonly string[]): LineReading {
    const columns = fields.map((name) => COLUMNS[name.trim().toLowerCase()]);
    const known = columns.filter((column) => column !== undefined);
    const missing = (['serial', 'model', 'claimKey'] as const).find((c) => !known.includes(c));
    if (known.length !== fields.length || new Set(known).size !== known.length || missing) {
      const names = Object.keys(COLUMNS).join(', ');
      // Without columns every line would be at fault: one said clearly is enough.
      this.#columns = [];
      return { kind: 'fault', detail: `the first line must name its columns, of ${names}` };
    }
    this.#columns = known;
    return { kind: 'nothing' };
  }
}

function jsonLine(line: string): LineReading {
  try {
    return checked(JSON.parse(line));
  } catch {
    return { kind: 'fault', detail: 'is no JSON' };
  }
}

function checked(value: unknown): LineReading {
  const result = manifestRowSchema.safeParse(value);
  if (result.success) return { kind: 'row', row: result.data };
  const [issue] = result.error.issues;
  const where = issue?.path.join('.') ?? '';
  return { kind: 'fault', detail: `${where === '' ? '' : `${where}: `}${issue?.message ?? ''}` };
}

/** RFC 4180, 2, without line breaks inside of fields; null when a quotation mark stays open. */
export function csvFields(line: string): string[] | null {
  const fields: string[] = [];
  const pattern = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (;;) {
    const match = pattern.exec(line);
    if (match === null) return null;
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === '') return fields;
  }
}
