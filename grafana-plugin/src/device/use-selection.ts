import { useState } from 'react';
import type { DeviceView } from '@flotilla/contracts';
import type { Selection } from './device-table.tsx';

/** Ticked devices among those that are shown; another `key` (page, filter) starts with none. */
export function useSelection(
  shown: readonly DeviceView[],
  key: string,
): Selection & { readonly clear: () => void } {
  const [state, setState] = useState({ key, ids: [] as readonly string[] });
  const visible = new Set(shown.map(({ id }) => id));
  const chosen = (state.key === key ? state.ids : []).filter((id) => visible.has(id));
  const choose = (ids: readonly string[]) => setState({ key, ids });
  return {
    ids: new Set(chosen),
    toggle: (id) =>
      choose(chosen.includes(id) ? chosen.filter((other) => other !== id) : [...chosen, id]),
    toggleAll: () => choose(chosen.length === visible.size ? [] : [...visible]),
    clear: () => choose([]),
  };
}
