import { labelKeySchema, labelValueSchema, type Labels } from './label.ts';

/** One condition on a device's labels; `not_in` holds as well where the key is absent, as in Kubernetes. */
export type Requirement =
  | { readonly kind: 'in' | 'not_in'; readonly key: string; readonly values: readonly string[] }
  | { readonly kind: 'exists' | 'absent'; readonly key: string };

/** All of them must hold. */
export type LabelSelector = readonly Requirement[];

export type ParsedSelector =
  | { readonly ok: true; readonly selector: LabelSelector }
  /** `at` counts characters from 0. */
  | { readonly ok: false; readonly at: number; readonly detail: string };

/**
 * Reads a subset of Kubernetes' label selectors: `key`, `!key`, `key=value` (also `==`), `key!=value`,
 * `key in (a,b)`, `key notin (a,b)`, joined by commas. An empty value is written as nothing: `key=`.
 */
export function parseSelector(text: string): ParsedSelector {
  try {
    return { ok: true, selector: new SelectorReader(text).read() };
  } catch (error) {
    if (!(error instanceof SelectorError)) throw error;
    return { ok: false, at: error.at, detail: `${error.message} at character ${error.at + 1}` };
  }
}

export function matchesSelector(selector: LabelSelector, labels: Labels): boolean {
  return selector.every((requirement) => {
    const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
    switch (requirement.kind) {
      case 'exists':
        return value !== undefined;
      case 'absent':
        return value === undefined;
      case 'in':
        return value !== undefined && requirement.values.includes(value);
      case 'not_in':
        return value === undefined || !requirement.values.includes(value);
    }
  });
}

/** What `parseSelector` reads back as the same. */
export function formatSelector(selector: LabelSelector): string {
  return selector.map(formatRequirement).join(',');
}

function formatRequirement(requirement: Requirement): string {
  const { key, kind } = requirement;
  switch (kind) {
    case 'exists':
      return key;
    case 'absent':
      return `!${key}`;
    case 'in':
      return `${key} in (${requirement.values.join(',')})`;
    case 'not_in':
      return `${key} notin (${requirement.values.join(',')})`;
  }
}

class SelectorError extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

type TokenKind = 'word' | ',' | '(' | ')' | '=' | '!=' | '!' | 'end';

interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly at: number;
}

const TOKEN = /\s*(?:([A-Za-z0-9._/+-]+)|(==|!=|[,()=!])|$)/y;

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (;;) {
    const start = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) {
      const at = start + text.slice(start).search(/\S/);
      throw new SelectorError(`${JSON.stringify(text[at])} has no meaning`, at);
    }
    const [all, word, sign] = match;
    const at = start + all.length - (word ?? sign ?? '').length;
    if (word !== undefined) tokens.push({ kind: 'word', text: word, at });
    else if (sign !== undefined) {
      tokens.push({ kind: sign === '==' ? '=' : (sign as TokenKind), text: sign, at });
    } else {
      tokens.push({ kind: 'end', text: '', at: text.length });
      return tokens;
    }
  }
}

class SelectorReader {
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(text: string) {
    this.#tokens = tokensOf(text);
  }

  read(): LabelSelector {
    const selector = [this.#requirement()];
    while (this.#take(',') !== null) selector.push(this.#requirement());
    this.#expect('end', 'a comma or the end');
    return selector;
  }

  #requirement(): Requirement {
    if (this.#take('!') !== null) return { kind: 'absent', key: this.#key() };
    const key = this.#key();
    if (this.#take('=') !== null) return { kind: 'in', key, values: [this.#value()] };
    if (this.#take('!=') !== null) return { kind: 'not_in', key, values: [this.#value()] };
    const word = this.#take('word');
    if (word === null) return { kind: 'exists', key };
    if (word.text === 'in') return { kind: 'in', key, values: this.#values() };
    if (word.text === 'notin') return { kind: 'not_in', key, values: this.#values() };
    throw new SelectorError(`"${word.text}" is none of =, ==, !=, in, notin`, word.at);
  }

  #key(): string {
    const { text, at } = this.#expect('word', 'a label key');
    if (!labelKeySchema.safeParse(text).success) {
      throw new SelectorError(`"${text}" is no label key`, at);
    }
    return text;
  }

  #values(): string[] {
    this.#expect('(', '"("');
    const values = [this.#value()];
    while (this.#take(',') !== null) values.push(this.#value());
    this.#expect(')', 'a comma or ")"');
    return values;
  }

  /** Nothing stands for the empty value. */
  #value(): string {
    const word = this.#take('word');
    if (word === null) return '';
    if (labelValueSchema.safeParse(word.text).success) return word.text;
    throw new SelectorError(`"${word.text}" is no label value`, word.at);
  }

  #take(kind: TokenKind): Token | null {
    const token = this.#tokens[this.#next];
    if (token?.kind !== kind) return null;
    this.#next += 1;
    return token;
  }

  #expect(kind: TokenKind, what: string): Token {
    const token = this.#take(kind);
    if (token !== null) return token;
    const found = this.#tokens[this.#next];
    const instead = found === undefined || found.kind === 'end' ? 'the end' : `"${found.text}"`;
    throw new SelectorError(`${what} is missing before ${instead}`, found?.at ?? 0);
  }
}
