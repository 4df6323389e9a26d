import { initialTransition } from 'xstate';
import { lifecycleMachine } from './lifecycle-machine.ts';

/** The machine as a Mermaid state diagram; `docs/lifecycle.md` shows it. */
export function lifecycleDiagram(): string {
  const lines = [
    'stateDiagram-v2',
    `  [*] --> ${initialTransition(lifecycleMachine, { isQuarantined: false })[0].value}`,
  ];
  for (const [name, node] of Object.entries(lifecycleMachine.states)) {
    for (const [event, transitions] of node.transitions) {
      for (const { target, guard } of transitions) {
        const condition = guard === undefined ? '' : ` [${guardName(guard)}]`;
        for (const { key } of target ?? []) {
          lines.push(`  ${name} --> ${key}: ${event}${condition}`);
        }
      }
    }
    if (node.type === 'final') lines.push(`  ${name} --> [*]`);
    if (node.tags.length > 0) lines.push(`  note right of ${name}: ${node.tags.join(', ')}`);
  }
  return lines.join('\n');
}

function guardName(guard: unknown): string {
  if (typeof guard === 'string') return guard;
  if (typeof guard === 'object' && guard !== null && 'type' in guard) return String(guard.type);
  throw new Error('a guard of the lifecycle has no name');
}
