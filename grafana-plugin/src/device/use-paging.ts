import { useState } from 'react';

export interface Paging {
  /** '' for the first page. */
  readonly cursor: string;
  /** From 1. */
  readonly page: number;
  readonly next: (cursor: string) => void;
  readonly back: () => void;
}

/** Cursors only lead forward; those behind are kept to go back. Another `key` starts at the first page. */
export function usePaging(key: string): Paging {
  const [state, setState] = useState({ key, cursors: [] as readonly string[] });
  const cursors = state.key === key ? state.cursors : [];
  return {
    cursor: cursors.at(-1) ?? '',
    page: cursors.length + 1,
    next: (cursor) => setState({ key, cursors: [...cursors, cursor] }),
    back: () => setState({ key, cursors: cursors.slice(0, -1) }),
  };
}
