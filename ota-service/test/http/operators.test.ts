import { createHttpServer, createLogger } from '@flotilla/service';
import { describe, expect, it } from 'vitest';
import { operatorBehind, requireOperator } from '../../src/http/operator-auth.ts';
import { parseOperators } from '../../src/http/operators.ts';

const ALICE = 'alices-token-0001';
const BOB = 'bobs-token-000002';

describe('the operators', () => {
  it('are one without a name, or one a line', () => {
    expect(parseOperators(`${ALICE}\n`)).toEqual([{ name: 'operator', token: ALICE }]);
    expect(parseOperators(`\n  alice   ${ALICE}  \nbob ${BOB}\n\n`)).toEqual([
      { name: 'alice', token: ALICE },
      { name: 'bob', token: BOB },
    ]);
  });

  it.each([
    ['', 'it holds no token'],
    ['short', 'the token in line 1 must be 16 or more'],
    [`alice ${ALICE}\nbob short`, 'the token in line 2'],
    [`alice ${ALICE} ${BOB}`, 'line 1 is neither'],
    [`al/ice ${ALICE}`, 'line 1 is neither'],
    [`alice ${ALICE}\nalice ${BOB}`, 'the same name'],
    [`alice ${ALICE}\nbob ${ALICE}`, 'the same token'],
    [`${ALICE}!`, 'the token in line 1'],
  ])('%j is refused without showing a token', (text, words) => {
    expect(() => parseOperators(text)).toThrow(words);
    expect(() => parseOperators(text)).not.toThrow(ALICE);
  });

  it('are known by their tokens', async () => {
    const app = createHttpServer({ logger: createLogger('test', 'silent') });
    app.addHook('onRequest', requireOperator(`alice ${ALICE}\nbob ${BOB}`));
    app.get('/who', (request) => Promise.resolve({ name: operatorBehind(request) }));
    const ask = (token: string) =>
      app.inject({ url: '/who', headers: { authorization: `Bearer ${token}` } });
    expect((await ask(ALICE)).json()).toEqual({ name: 'alice' });
    expect((await ask(BOB)).json()).toEqual({ name: 'bob' });
    for (const token of ['alice', `${ALICE}x`, BOB.slice(1)]) {
      expect((await ask(token)).statusCode).toBe(401);
    }
    await app.close();
  });
});
