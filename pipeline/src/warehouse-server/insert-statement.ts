/** An INSERT whose rows come apart from it, in the request's body. */
export interface InsertStatement {
  /** `INSERT INTO t (columns)`. */
  readonly target: string;
  /** `SETTINGS …`, or ''. */
  readonly settings: string;
  readonly format: string;
}

const INSERT =
  /^\s*(?<target>INSERT\s+INTO\s[\s\S]+?)(?<settings>\sSETTINGS\s[\s\S]+?)?\s(?:FORMAT\s+(?<format>\w+)|(?<values>VALUES))\s*;?\s*$/i;

/** Null when `statement` is no INSERT that waits for rows: a query, DDL, or INSERT … SELECT. */
export function parseInsert(statement: string): InsertStatement | null {
  const groups = INSERT.exec(statement)?.groups;
  const target = groups?.['target'];
  if (groups === undefined || target === undefined) return null;
  if (/\sSELECT\s|\sINFILE\s|\sFORMAT\s/i.test(target)) return null;
  return {
    target: target.trim(),
    settings: (groups['settings'] ?? '').trim(),
    format: groups['values'] === undefined ? (groups['format'] ?? '') : 'Values',
  };
}

/**
 * The statement that reads the rows from a file. A path of the engine's own client, which takes bytes of
 * any format as they are; a statement with its rows inside has to be text.
 */
export function insertFromFile(insert: InsertStatement, file: string): string {
  if (/['\\]/.test(file))
    throw new RangeError('the folder of the warehouse must be without quotes');
  return `${insert.target} FROM INFILE '${file}' ${insert.settings} FORMAT ${insert.format}`;
}
