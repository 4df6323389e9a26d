interface KnownPath {
  readonly matches: RegExp;
  readonly methods: Set<string>;
}

/** The methods that each path of a server takes, to tell a wrong method from a wrong path. */
export class KnownPaths {
  readonly #paths = new Map<string, KnownPath>();

  /** Patterns as fastify's, `/things/:id`; one with a wildcard would know every path and is left out. */
  add(pattern: string, methods: readonly string[]): void {
    if (pattern.includes('*')) return;
    const known = this.#paths.get(pattern) ?? { matches: toRegExp(pattern), methods: new Set() };
    for (const method of methods) known.methods.add(method);
    this.#paths.set(pattern, known);
  }

  /** Sorted; empty for a path that nobody knows. */
  methodsOf(path: string): string[] {
    const found = [...this.#paths.values()].filter(({ matches }) => matches.test(path));
    return [...new Set(found.flatMap(({ methods }) => [...methods]))].sort();
  }
}

function toRegExp(pattern: string): RegExp {
  const parts = pattern.split('/').map((part) => {
    return part.startsWith(':') ? '[^/]+' : part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  });
  return new RegExp(`^${parts.join('/')}$`);
}
