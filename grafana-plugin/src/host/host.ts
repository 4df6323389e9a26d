export type Theme = 'light' | 'dark' | 'system';

/** Why the pages have no access now: nothing was tried, or the server refused what was tried. */
export type SignedOutCause = 'none' | 'refused';

/**
 * What the pages need from whatever shows them: the standalone entry today, a Grafana app plugin
 * later. The pages know no other way to reach the address bar, credentials or the server.
 */
export interface Host {
  /** Prefix of every API path, without a trailing slash; '' for the page's own origin. */
  readonly apiBase: string;
  readonly theme: Theme;
  readonly navigation: Navigation;
  readonly access: Access;
}

export interface Navigation {
  /** The path below the host's mount point, always starting with '/'. */
  readonly path: () => string;
  /** Address for an anchor, so that "open in a new tab" works. */
  readonly href: (path: string) => string;
  readonly go: (path: string) => void;
  /** Calls back after the path changed; returns the unsubscribe function. */
  readonly subscribe: (onChange: () => void) => () => void;
}

export interface Access {
  /** Value of the Authorization header; null when the host adds credentials on its own. */
  readonly authorization: () => string | null;
  /** Null while signed in (or when the host signs in on its own). */
  readonly signedOut: () => SignedOutCause | null;
  readonly signIn: (token: string) => void;
  readonly signOut: (cause: SignedOutCause) => void;
  readonly subscribe: (onChange: () => void) => () => void;
}
