import type { Access, Host, Navigation, SignedOutCause } from './host.ts';
import { forgetToken, keepToken, takeToken } from './session-token.ts';

/** The console on its own origin: History API, bearer token of this tab, the system's theme. */
export function createStandaloneHost(page: Window): Host {
  return {
    apiBase: '',
    fetch: (input, init) => page.fetch(input, init),
    frame: 'own',
    navigation: createNavigation(page),
    access: createAccess(page),
  };
}

function createNavigation(page: Window): Navigation {
  const listeners = createListeners();
  const here = () => page.location.pathname + page.location.search;
  page.addEventListener('popstate', listeners.call);
  return {
    path: here,
    href: (path) => path,
    go: (path) => {
      if (path !== here()) page.history.pushState(null, '', path);
      listeners.call();
    },
    subscribe: listeners.add,
  };
}

function createAccess(page: Window): Access {
  const listeners = createListeners();
  let token = takeToken(page);
  let cause: SignedOutCause | null = token === null ? 'none' : null;
  const become = (nextToken: string | null, nextCause: SignedOutCause | null) => {
    token = nextToken;
    cause = nextCause;
    if (token === null) forgetToken(page);
    else keepToken(page, token);
    listeners.call();
  };
  // The stack prints its address again after a restart; following it in an open tab only changes the hash.
  page.addEventListener('hashchange', () => {
    const next = takeToken(page);
    if (next !== null && next !== token) become(next, null);
  });
  return {
    authorization: () => (token === null ? null : `Bearer ${token}`),
    // One token, for the operator: it may do everything.
    can: () => true,
    signedOut: () => cause,
    signIn: (next) => become(next, null),
    signOut: (why) => become(null, why),
    subscribe: listeners.add,
  };
}

function createListeners(): { add: (listener: () => void) => () => void; call: () => void } {
  const listeners = new Set<() => void>();
  return {
    add: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    call: () => listeners.forEach((listener) => listener()),
  };
}
