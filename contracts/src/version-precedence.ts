/**
 * Below zero when version `a` precedes `b`, zero when neither does, above otherwise: Semantic
 * Versioning 2.0.0, clause 11. Build metadata does not count (clause 10).
 */
export function compareVersions(a: string, b: string): number {
  const left = split(a);
  const right = split(b);
  for (const index of [0, 1, 2]) {
    const order = compareNumeric(left.core[index] ?? '0', right.core[index] ?? '0');
    if (order !== 0) return order;
  }
  return comparePreRelease(left.preRelease, right.preRelease);
}

function split(version: string): { core: string[]; preRelease: string[] } {
  const withoutBuild = version.split('+', 1)[0] ?? '';
  const dash = withoutBuild.indexOf('-');
  const core = dash === -1 ? withoutBuild : withoutBuild.slice(0, dash);
  const preRelease = dash === -1 ? [] : withoutBuild.slice(dash + 1).split('.');
  return { core: core.split('.'), preRelease };
}

/** Clause 11.3: a version with a pre-release precedes the one without. */
function comparePreRelease(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return b.length - a.length;
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const order = compareIdentifier(a[index] ?? '', b[index] ?? '');
    if (order !== 0) return order;
  }
  // Clause 11.4.4: more fields win when all before are equal.
  return a.length - b.length;
}

function compareIdentifier(a: string, b: string): number {
  const [numericA, numericB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (numericA && numericB) return compareNumeric(a, b);
  // Clause 11.4.3: numeric identifiers precede alphanumeric ones.
  if (numericA !== numericB) return numericA ? -1 : 1;
  return compareText(a, b);
}

/** As text, because a version may hold more digits than a double counts. */
function compareNumeric(a: string, b: string): number {
  const left = a.replace(/^0+(?=\d)/, '');
  const right = b.replace(/^0+(?=\d)/, '');
  return left.length === right.length ? compareText(left, right) : left.length - right.length;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
