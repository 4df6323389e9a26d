import type { FirmwareView } from '@flotilla/contracts';
import { StateWord } from '../ui/state-word.tsx';
import type { SignState } from './sign-state.ts';

interface SignWordsProps {
  readonly firmware: FirmwareView;
  readonly state: SignState;
}

/** Whether devices may trust this version, and what is missing if not. */
export function SignWords({ firmware, state }: SignWordsProps) {
  const name = `${firmware.model}/${firmware.version}`;
  switch (state.kind) {
    case 'signed':
      return (
        <p className="sign">
          <StateWord tone="good">Signed</StateWord>{' '}
          <span className="faint">
            by {keys(state.signatures)} of {state.threshold} needed, in targets version{' '}
            {state.targetsVersion}, good until {state.expires.slice(0, 10)}
          </span>
        </p>
      );
    case 'staged':
      return (
        <div className="sign">
          <p>
            <StateWord tone="info">Waits for signatures</StateWord>{' '}
            <span className="faint">
              {state.signatures} of {state.threshold}
            </span>
          </p>
          <p className="faint">
            Signed where the key is, never here: <code>flotilla release sign --key FILE</code>, then{' '}
            <code>flotilla release publish</code>
          </p>
        </div>
      );
    case 'not_staged':
      return (
        <div className="sign">
          <p>
            <StateWord tone="neutral">Not among the targets yet</StateWord>
          </p>
          <p className="faint">
            It is put there from where it was built:{' '}
            <code>
              flotilla release add FILE --model {firmware.model} --version {firmware.version}
            </code>
            , then signed and published. Until then no device takes <code>{name}</code>.
          </p>
        </div>
      );
  }
}

function keys(n: number): string {
  return n === 1 ? '1 key' : `${n} keys`;
}
