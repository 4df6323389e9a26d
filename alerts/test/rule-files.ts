import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('../', import.meta.url);

export interface AlertRule {
  readonly name: string;
  /** From its `alert:` line to the next rule. */
  readonly text: string;
}

/** Names of the files in alerts/ that end so, in order. */
export function filesOf(suffix: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(suffix))
    .sort();
}

export function textOf(file: string): string {
  return readFileSync(new URL(file, folder), 'utf8');
}

export function alertsOf(rules: string): AlertRule[] {
  return rules.split(/(?=^ {6}- (?:alert|record): )/m).flatMap((text) => {
    const name = /^ {6}- alert: (\w+)/.exec(text)?.[1];
    return name === undefined ? [] : [{ name, text }];
  });
}

/** Each threshold 4 % nearer to firing; of counts below ten one nearer. Zeros and equalities stay. */
export function loosened(rules: string): string {
  return rules.replace(/(>=|<=|>|<) (\d+(?:\.\d+)?)\b/g, (all, op: string, digits: string) => {
    const value = Number(digits);
    if (value === 0) return all;
    const step = op === '>=' ? 1 : value * 0.04;
    return `${op} ${String(op.startsWith('>') ? value - step : value + step)}`;
  });
}
