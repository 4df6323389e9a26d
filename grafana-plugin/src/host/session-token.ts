const KEY = 'flotilla.token';

/** What of the browser this file touches, so that a test can stand in for it. */
export interface TokenPlace {
  readonly location: { readonly hash: string; readonly pathname: string; readonly search: string };
  readonly history: { replaceState: (data: unknown, unused: string, url: string) => void };
  readonly sessionStorage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
}

/** The token in `#token=…`, or null. A fragment never reaches a server (RFC 9110, 4.2.3). */
export function tokenInFragment(hash: string): string | null {
  const token = new URLSearchParams(hash.replace(/^#/, '')).get('token')?.trim();
  return token === undefined || token === '' ? null : token;
}

/**
 * Moves a token from the address bar to this tab's session; later answers come from the session. A
 * token in the address replaces the one kept, because it was printed later.
 */
export function takeToken(place: TokenPlace): string | null {
  const given = tokenInFragment(place.location.hash);
  if (given === null) return place.sessionStorage.getItem(KEY);
  place.sessionStorage.setItem(KEY, given);
  place.history.replaceState(null, '', place.location.pathname + place.location.search);
  return given;
}

export function keepToken(place: TokenPlace, token: string): void {
  place.sessionStorage.setItem(KEY, token);
}

export function forgetToken(place: TokenPlace): void {
  place.sessionStorage.removeItem(KEY);
}
