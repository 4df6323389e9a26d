// A temperature sensor: reads a 12-bit converter, looks the value up in the factory calibration
// table and serves it over HTTP. The converter is simulated; everything else is what a device runs.
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { Converter } from './converter.js';
import { Smoothing } from './smoothing.js';
import { History } from './history.js';

const { version } = JSON.parse(readFileSync(new URL('bundle.json', import.meta.url), 'utf8'));
const table = readFileSync(new URL('calibration.bin', import.meta.url));
const converter = new Converter();
const smoothing = new Smoothing(0.2);
const history = new History(10);

/** Hundredths of a degree Celsius for a raw reading, from the table of signed 16-bit entries. */
function celsius(raw) {
  return table.readInt16LE(raw * 2) / 100;
}

let latest = { raw: 0, celsius: 0, at: new Date(0).toISOString() };

function sample() {
  const raw = converter.read();
  latest = {
    raw,
    celsius: Math.round(smoothing.add(celsius(raw)) * 100) / 100,
    at: new Date().toISOString(),
  };
  history.add(latest.celsius);
}

setInterval(sample, 250);
sample();

const server = createServer((request, response) => {
  const answer = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  if (request.url === '/healthz') return answer(200, { status: 'ok', version });
  if (request.url === '/') return answer(200, { version, ...latest, history: history.values() });
  return answer(404, { error: 'not found' });
});

server.listen(Number(process.env.PORT), '127.0.0.1', () => {
  console.log(`sensor ${version} listening on ${process.env.PORT}`);
});
process.on('SIGTERM', () => server.close(() => process.exit(0)));
