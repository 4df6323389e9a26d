import { freshness, type PollState } from '../api/poll-state.ts';
import { relativeTime } from '../format/relative-time.ts';
import { useNow } from './use-now.ts';

/**
 * One line of fixed height below the top bar: quiet while data is fresh, a filled banner while the
 * server does not answer. Being always there, it moves nothing when it changes.
 */
export function LiveBar({ poll }: { readonly poll: PollState<unknown> }) {
  const nowMs = useNow();
  const state = freshness(poll);
  const trouble = state === 'stale' || (state === 'failed' && poll.failure?.kind !== 'problem');
  const updated =
    poll.updatedAtMs === null
      ? null
      : relativeTime(poll.updatedAtMs, Math.max(nowMs, poll.updatedAtMs));
  return (
    <div className={`live-bar ${trouble ? 'is-trouble' : ''}`}>
      <div className="live-bar-inner">
        {/* Only the change is announced, not every tick of the clock beside it. */}
        <span role="status">
          {trouble && (
            <strong>
              {poll.failure?.title}.<span className="live-retry"> Trying again.</span>
            </strong>
          )}
        </span>
        {!trouble && (
          <span className="live-mark">
            <span className={`live-dot ${state === 'live' ? 'is-live' : ''}`} aria-hidden="true" />
            {state === 'loading' ? 'Loading' : state === 'live' ? 'Live' : 'Not available'}
          </span>
        )}
        {updated !== null && (
          <span className="live-time">
            {trouble ? 'Data from' : 'last updated'} {updated}
          </span>
        )}
      </div>
    </div>
  );
}
