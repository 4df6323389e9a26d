/** Why the pages have no access now: nothing was tried, or the server refused what was tried. */
export type SignedOutCause = 'none' | 'refused';

/** What a person may change; reading is for everybody who is signed in. */
export type Permission =
  'campaigns:write' | 'devices:write' | 'firmware:write' | 'provisioning:write';

/**
 * What the pages need from whatever shows them: a page of its own, or a Grafana app plugin. The pages
 * know no other way to reach the address bar, credentials or the server.
 */
export interface Host {
  /** Prefix of every API path, without a trailing slash; '' for the page's own origin. */
  readonly apiBase: string;
  readonly fetch: typeof fetch;
  /** `embedded`: brand, sign-out, document title and the `main` landmark belong to the host. */
  readonly frame: 'own' | 'embedded';
  readonly navigation: Navigation;
  readonly access: Access;
}

export interface Navigation {
  /** Path and query below the host's mount point, always starting with '/'. */
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
  /** Controls that would be refused are not shown; the server decides on its own. */
  readonly can: (permission: Permission) => boolean;
  /** Null while signed in (or when the host signs in on its own). */
  readonly signedOut: () => SignedOutCause | null;
  readonly signIn: (token: string) => void;
  readonly signOut: (cause: SignedOutCause) => void;
  readonly subscribe: (onChange: () => void) => () => void;
}
