import type { ApiFailure } from '../api/api-failure.ts';

/** Why a change was not taken, where it was asked for. */
export function ChangeFailure({ failure }: { readonly failure: ApiFailure | null }) {
  return (
    <p className="field-trouble" role="alert">
      {failure !== null && `${failure.title}. ${failure.detail}`}
    </p>
  );
}
