/** A piece of a statement; comments and white space are left out. */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'number' | 'punctuation';
  /** As written, quotes included. */
  readonly text: string;
}

/** A statement this lexer is not sure to read as the engine does. */
export class UnclearStatementError extends Error {
  override readonly name = 'UnclearStatementError';
}

const SPACE = /[ \t\r\n]+/y;
const LINE_COMMENT = /--[^\n]*/y;
const BLOCK_COMMENT = /\/\*(?:[^*/]|\*(?!\/)|\/(?!\*))*\*\//y;
const STRING = /'(?:[^'\\]|\\.|'')*'/sy;
const QUOTED = /`[^`\\]*`|"[^"\\]*"/y;
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /\d[A-Za-z0-9_.]*/y;
const PUNCTUATION = /\/(?!\*)|[-+*%=<>!?:.,;|&^~@()[\]{}]/y;

/**
 * Splits a statement as ClickHouse's lexer does, but refuses all in which the two might differ: other
 * comment forms, nested comments, heredocs, escapes in quoted names, typographic quotes, controls.
 */
export function tokenize(statement: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const text = pattern.exec(statement)?.[0] ?? null;
    if (text !== null) at += text.length;
    return text;
  };
  while (at < statement.length) {
    if (take(SPACE) ?? take(LINE_COMMENT) ?? take(BLOCK_COMMENT)) continue;
    const token =
      asToken('word', take(WORD)) ??
      asToken('number', take(NUMBER)) ??
      asToken('string', take(STRING)) ??
      asToken('quoted', take(QUOTED)) ??
      asToken('punctuation', take(PUNCTUATION));
    if (token === null) {
      throw new UnclearStatementError(
        `character ${at + 1} (${JSON.stringify(statement[at])}) is not accepted here`,
      );
    }
    tokens.push(token);
  }
  return tokens;
}

function asToken(kind: Token['kind'], text: string | null): Token | null {
  return text === null ? null : { kind, text };
}
