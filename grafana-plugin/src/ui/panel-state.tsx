import type { ReactNode } from 'react';
import type { PollState } from '../api/poll-state.ts';

interface PanelStateProps<T> {
  readonly poll: PollState<T>;
  readonly children: (data: T) => ReactNode;
}

/** A panel with a resource of its own: its data, or why there is none. */
export function PanelState<T>({ poll, children }: PanelStateProps<T>) {
  if (poll.data !== null) return children(poll.data);
  if (poll.failure === null) return <p className="panel-text faint">Loading…</p>;
  return (
    <p className="panel-text faint">
      {poll.failure.title}
      {poll.failure.detail !== '' && `: ${poll.failure.detail}`}
    </p>
  );
}
