import { relativeTime } from '../format/relative-time.ts';
import { useNow } from '../shell/use-now.ts';

/** A moment as "3 min ago", with the exact time for a pointer and for machines. */
export function When({ at }: { readonly at: string }) {
  const nowMs = useNow();
  return (
    <time dateTime={at} title={new Date(at).toLocaleString()}>
      {relativeTime(at, nowMs)}
    </time>
  );
}
