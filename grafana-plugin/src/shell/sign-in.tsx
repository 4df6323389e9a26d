import { useEffect, useState, type SubmitEvent } from 'react';
import { BrandMark } from './brand-mark.tsx';

interface SignInProps {
  readonly refused: boolean;
  readonly onToken: (token: string) => void;
}

export function SignIn({ refused, onToken }: SignInProps) {
  const [token, setToken] = useState('');
  const [missing, setMissing] = useState(false);
  useEffect(() => {
    document.title = 'Sign in · Flotilla';
  }, []);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const given = token.trim();
    setMissing(given === '');
    if (given !== '') onToken(given);
  };
  const trouble = missing
    ? 'Paste the token first.'
    : refused
      ? 'The server did not accept this token. Paste the one it printed last.'
      : null;
  return (
    <main className="sign-in" id="main">
      <form className="sign-in-card" onSubmit={submit} noValidate>
        <BrandMark size={40} />
        <h1>Sign in to Flotilla</h1>
        <p className="sign-in-text" id="token-help">
          The stack prints an address that ends in <code>#token=…</code> when it starts. Open that
          address, or paste the token here.
        </p>
        <label htmlFor="token">Access token</label>
        <input
          id="token"
          name="token"
          type="password"
          autoComplete="off"
          autoFocus
          spellCheck={false}
          value={token}
          onChange={(event) => setToken(event.target.value)}
          aria-invalid={trouble !== null}
          aria-describedby="token-help token-trouble"
        />
        <p className="field-trouble" id="token-trouble" role="alert">
          {trouble}
        </p>
        <button type="submit" className="primary">
          Sign in
        </button>
        <p className="sign-in-note">
          The token stays in this browser tab and is gone when you close it.
        </p>
      </form>
    </main>
  );
}
