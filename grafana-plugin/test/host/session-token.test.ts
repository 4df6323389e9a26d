import { describe, expect, it } from 'vitest';
import { takeToken, tokenInFragment, type TokenPlace } from '../../src/host/session-token.ts';

function place(hash: string, kept?: string) {
  const session = new Map<string, string>(kept === undefined ? [] : [['flotilla.token', kept]]);
  const addresses: string[] = [];
  const tab: TokenPlace = {
    location: { hash, pathname: '/campaigns', search: '?x=1' },
    history: { replaceState: (_data, _unused, url) => addresses.push(url) },
    sessionStorage: {
      getItem: (key) => session.get(key) ?? null,
      setItem: (key, value) => session.set(key, value),
      removeItem: (key) => session.delete(key),
    },
  };
  return { tab, session, addresses };
}

describe('takeToken', () => {
  it('moves the token from the address to the session', () => {
    const { tab, session, addresses } = place('#token=abc.def_1');
    expect(takeToken(tab)).toBe('abc.def_1');
    expect([...session.values()]).toEqual(['abc.def_1']);
    expect(addresses).toEqual(['/campaigns?x=1']);
  });

  it('prefers the address, which was printed later', () => {
    const { tab, session } = place('#token=new', 'old');
    expect(takeToken(tab)).toBe('new');
    expect([...session.values()]).toEqual(['new']);
  });

  it('keeps the session and the address when there is no token in it', () => {
    const { tab, addresses } = place('#main', 'old');
    expect(takeToken(tab)).toBe('old');
    expect(addresses).toEqual([]);
  });

  it.each(['', '#', '#token=', '#token=%20', '#other=1'])('finds none in "%s"', (hash) => {
    expect(tokenInFragment(hash)).toBeNull();
  });
});
