import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { campaignDiagram } from '../../../src/campaigns/domain/campaign-diagram.ts';

describe('docs/campaigns.md', () => {
  it('shows the machine as it is', () => {
    const page = readFileSync(new URL('../../../../docs/campaigns.md', import.meta.url), 'utf8');
    const [, shown] = /```mermaid\n([^`]*)\n```/.exec(page) ?? [];
    expect(shown).toBe(campaignDiagram());
  });
});
