import { useState } from 'react';
import type { ApiFailure, ApiResult } from '../api/api-failure.ts';

/** A change that is under way, and how the last one failed. */
export interface Change {
  readonly busy: boolean;
  readonly failure: ApiFailure | null;
  /** True when it was taken. */
  readonly run: (send: () => Promise<ApiResult<unknown>>) => Promise<boolean>;
}

/** `onChanged` is called after what was taken, so that the page shows what is true now. */
export function useChange(onChanged: () => Promise<void>): Change {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<ApiFailure | null>(null);
  return {
    busy,
    failure,
    run: async (send) => {
      setBusy(true);
      setFailure(null);
      const answer = await send();
      if (answer.ok) await onChanged();
      else setFailure(answer.failure);
      setBusy(false);
      return answer.ok;
    },
  };
}
