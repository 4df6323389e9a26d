import { createServer } from 'node:http';

/**
 * A small real service for tests of the supervisor. BEHAVIOUR: `serve` announces itself and stops on
 * SIGTERM; `die` ends before it is ready; `stubborn` ignores SIGTERM once.
 */
const behaviour = process.env.BEHAVIOUR;
if (behaviour === 'die') process.exit(7);

const server = createServer((_request, response) => response.end(String(process.pid)));
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  const addresses = { http: `http://127.0.0.1:${address.port}` };
  process.send?.({ type: 'ready', name: 'child', addresses });
});
process.on('SIGTERM', () => {
  console.log('asked to stop');
  process.exit(0);
});
process.on('disconnect', () => process.exit(0));
