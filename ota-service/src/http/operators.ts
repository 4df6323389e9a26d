import { nameSchema } from '@flotilla/contracts';

export interface Operator {
  /** As the audit log names them. */
  readonly name: string;
  readonly token: string;
}

/** Of a token that stands alone. */
export const UNNAMED_OPERATOR = 'operator';

const MIN_TOKEN_LENGTH = 16;

/**
 * Reads who may operate: one token (RFC 6750, 2.1) a line, with the operator's name and a blank before it
 * where there are several people. Throws an Error that names the line, never a token.
 */
export function parseOperators(text: string): Operator[] {
  const lines = text.split('\n').map((line) => line.trim());
  const operators = lines.flatMap((line, index) =>
    line === '' ? [] : [parseOperator(line, index + 1)],
  );
  if (operators.length === 0) throw new Error('it holds no token');
  for (const field of ['name', 'token'] as const) {
    if (new Set(operators.map((operator) => operator[field])).size < operators.length) {
      throw new Error(`two operators have the same ${field}`);
    }
  }
  return operators;
}

function parseOperator(line: string, number: number): Operator {
  const words = line.split(/\s+/);
  const [name = '', token = ''] = words.length === 1 ? [UNNAMED_OPERATOR, words[0]] : words;
  if (words.length > 2 || !nameSchema.safeParse(name).success) {
    throw new Error(`line ${number} is neither a token nor a name and a token`);
  }
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(token) || token.length < MIN_TOKEN_LENGTH) {
    throw new Error(
      `the token in line ${number} must be ${MIN_TOKEN_LENGTH} or more of A-Z a-z 0-9 . _ ~ + / -`,
    );
  }
  return { name, token };
}
