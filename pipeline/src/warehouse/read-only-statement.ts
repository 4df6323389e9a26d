import { tokenize, UnclearStatementError, type Token } from './sql-lexer.ts';

/** Why a statement is not run. */
export interface Refusal {
  /** ClickHouse's error code and its name. */
  readonly code: number;
  readonly type: string;
  readonly reason: string;
}

const READING = new Set(['SELECT', 'WITH', 'SHOW', 'DESCRIBE', 'DESC', 'EXPLAIN', 'EXISTS']);

/**
 * Functions that reach beyond the warehouse's tables, or run text as a statement. The engine's grants
 * refuse most table functions; it grants no way to refuse the scalar `file` or `filesystem`.
 */
const REFUSED_FUNCTIONS =
  /^(file|filesystem|url|executable|input|eval|loop|fuzzquery|fuzzjson|generaterandom|remote|remotesecure|cluster|clusterallreplicas|s3|gcs|oss|cosn|hdfs|azureblobstorage|mysql|postgresql|mongodb|redis|sqlite|odbc|jdbc|ytsaurus|arrowstream|arrowflight|python|dictionary|catboostevaluate|modelevaluate|addressto\w*|demangle|getserver\w*|structureto\w*|iceberg\w*|deltalake\w*|hudi\w*|paimon\w*|\w+cluster|mergetree\w*|sleep|sleepeachrow)$/;

/** Null when `statement` is one statement that only reads the warehouse. */
export function refuseUnlessReading(statement: string): Refusal | null {
  // Written out by the client side of the engine, past grants and the read-only setting. A word in a
  // string is refused too: then no doubt about quoting can matter. Parameters may hold it.
  if (/outfile/i.test(statement)) return denied('INTO OUTFILE writes a file');
  let tokens: Token[];
  try {
    tokens = tokenize(statement);
  } catch (error) {
    if (!(error instanceof UnclearStatementError)) throw error;
    return { code: 62, type: 'SYNTAX_ERROR', reason: error.message };
  }
  const [first] = tokens;
  if (first === undefined) return { code: 62, type: 'SYNTAX_ERROR', reason: 'Empty query' };
  if (first.kind !== 'word' || !READING.has(first.text.toUpperCase())) {
    return readOnly(`a statement that starts with ${first.text.slice(0, 32)}`);
  }
  const end = tokens.findIndex((token) => token.text === ';');
  if (end !== -1 && end !== tokens.length - 1) return readOnly('more than one statement');
  return refusedFunction(tokens);
}

function refusedFunction(tokens: readonly Token[]): Refusal | null {
  for (const [index, token] of tokens.entries()) {
    if (tokens[index + 1]?.text !== '(') continue;
    if (token.kind !== 'word' && token.kind !== 'quoted') continue;
    const name = token.kind === 'quoted' ? token.text.slice(1, -1) : token.text;
    if (REFUSED_FUNCTIONS.test(name.toLowerCase()))
      return denied(`function ${name} is not allowed`);
  }
  return null;
}

function denied(reason: string): Refusal {
  return { code: 497, type: 'ACCESS_DENIED', reason };
}

function readOnly(what: string): Refusal {
  return { code: 164, type: 'READONLY', reason: `this endpoint only reads; it refuses ${what}` };
}
