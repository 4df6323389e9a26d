import { useState } from 'react';
import type { BulkLifecycleResult } from '@flotilla/contracts';
import { count } from '../format/quantity.ts';
import { useHost } from '../host/host-context.tsx';
import { ReasonDialog } from '../ui/reason-dialog.tsx';
import { LIFECYCLE_CHANGES, LIFECYCLE_WORDS, type LifecycleTarget } from './lifecycle-words.ts';

interface BulkBarProps {
  readonly ids: readonly string[];
  readonly onDone: () => Promise<void>;
}

/** What can be done with the ticked devices at once, and what came of it the last time. */
export function BulkBar({ ids, onDone }: BulkBarProps) {
  const { api } = useHost();
  const [asking, setAsking] = useState<LifecycleTarget | null>(null);
  const [result, setResult] = useState<BulkLifecycleResult | null>(null);
  const words = asking === null ? null : LIFECYCLE_WORDS[asking];
  return (
    <div className="bulk-bar" role="group" aria-label="Selected devices">
      <span className={ids.length === 0 ? 'faint' : ''}>
        {count(ids.length, 'device')} selected
      </span>
      {LIFECYCLE_CHANGES.map((target) => (
        <button
          key={target}
          type="button"
          className={target === 'retired' ? 'danger' : ''}
          disabled={ids.length === 0}
          onClick={() => setAsking(target)}
        >
          {LIFECYCLE_WORDS[target].verb}…
        </button>
      ))}
      <span role="status" className="bulk-result">
        {result !== null && <BulkResult result={result} />}
      </span>
      {asking !== null && words !== null && (
        <ReasonDialog
          title={`${words.verb}: ${count(ids.length, 'device')}?`}
          text={words.consequence}
          verb={words.verb}
          danger={asking === 'retired'}
          send={async (reason) => {
            const answer = await api.bulkLifecycle({ to: asking, reason, deviceIds: [...ids] });
            if (answer.ok) setResult(answer.value);
            return answer;
          }}
          onClose={() => setAsking(null)}
          onAnswer={onDone}
        />
      )}
    </div>
  );
}

function BulkResult({ result }: { readonly result: BulkLifecycleResult }) {
  const { changed, unchanged, refusedCount, refused } = result;
  const [first] = refused;
  return (
    <>
      {count(changed, 'device')} changed
      {unchanged > 0 && `, ${unchanged} were in this state already`}
      {refusedCount > 0 && `, ${refusedCount} refused`}
      {first !== undefined && ` (${first.deviceId}: ${first.detail})`}
    </>
  );
}
