import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { lifecycleDiagram } from '../../src/lifecycle/domain/lifecycle-diagram.ts';

describe('docs/lifecycle.md', () => {
  it('shows the machine as it is', () => {
    const page = readFileSync(new URL('../../../docs/lifecycle.md', import.meta.url), 'utf8');
    const [, shown] = /```mermaid\n([^`]*)\n```/.exec(page) ?? [];
    expect(shown).toBe(lifecycleDiagram());
  });
});
