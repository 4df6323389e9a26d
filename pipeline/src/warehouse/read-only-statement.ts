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
 * Scalar functions that reach beyond the warehouse's tables. They are refused wherever their name
 * stands, since `arrayMap(file, …)` and `APPLY file` call them without parentheses of their own. The
 * engine has no grant that would refuse them.
 */
const REFUSED_ANYWHERE =
  /^(file|filesystem\w*|eval|sleep|sleepeachrow|catboostevaluate|modelevaluate|addressto\w*|demangle|getserver\w*|structureto\w*)$/;

/** Table functions beside what the engine's grants refuse already; they need their parentheses. */
const REFUSED_CALLS =
  /^(url|executable|input|loop|fuzzquery|fuzzjson|generaterandom|remote|remotesecure|cluster|clusterallreplicas|s3|gcs|oss|cosn|hdfs|azureblobstorage|mysql|postgresql|mongodb|redis|sqlite|odbc|jdbc|ytsaurus|arrowstream|arrowflight|python|dictionary|iceberg\w*|deltalake\w*|hudi\w*|paimon\w*|\w+cluster|mergetree\w*)$/;

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
  if (hasIdentifierParameter(tokens)) return denied('a parameter may not be an Identifier');
  if (isInsertAfterWith(tokens)) return readOnly('WITH … INSERT');
  return refusedFunction(tokens);
}

/** `WITH … INSERT INTO t SELECT …` is a statement of its own; its INSERT stands outside parentheses. */
function isInsertAfterWith(tokens: readonly Token[]): boolean {
  if (tokens[0]?.text.toUpperCase() !== 'WITH') return false;
  let depth = 0;
  for (const { kind, text } of tokens) {
    if (text === '(') depth += 1;
    else if (text === ')') depth -= 1;
    else if (depth === 0 && kind === 'word' && text.toUpperCase() === 'INSERT') return true;
  }
  return false;
}

/** `{name:Identifier}` becomes a name, which could be that of a refused function. */
function hasIdentifierParameter(tokens: readonly Token[]): boolean {
  return tokens.some(
    (token, index) =>
      token.text.toLowerCase() === 'identifier' &&
      tokens[index - 1]?.text === ':' &&
      tokens[index - 3]?.text === '{',
  );
}

function refusedFunction(tokens: readonly Token[]): Refusal | null {
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== 'word' && token.kind !== 'quoted') continue;
    const name = token.kind === 'quoted' ? token.text.slice(1, -1) : token.text;
    const isCall = tokens[index + 1]?.text === '(';
    if (
      REFUSED_ANYWHERE.test(name.toLowerCase()) ||
      (isCall && REFUSED_CALLS.test(name.toLowerCase()))
    ) {
      return denied(`function ${name} is not allowed`);
    }
  }
  return null;
}

function denied(reason: string): Refusal {
  return { code: 497, type: 'ACCESS_DENIED', reason };
}

function readOnly(what: string): Refusal {
  return { code: 164, type: 'READONLY', reason: `this endpoint only reads; it refuses ${what}` };
}
