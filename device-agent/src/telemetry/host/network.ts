import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Counters of one interface since boot. */
export interface InterfaceCounters {
  readonly name: string;
  readonly receiveBytes: number;
  readonly receiveErrors: number;
  readonly receiveDropped: number;
  readonly transmitBytes: number;
  readonly transmitErrors: number;
  readonly transmitDropped: number;
}

/** Bounds the series: a device with containers may have hundreds of interfaces. */
const MAX_INTERFACES = 8;
/** The loopback, and what containers, bridges and shapers put up, which carries the same bytes again. */
const VIRTUAL = /^(lo|veth|docker|br-|virbr|ifb|dummy|cali|flannel|cni|sit|tunl)/;

/** /proc/net/dev (proc_net(5)): two header lines, then `name: 8 receive and 8 transmit counters`. */
export function parseNetDev(text: string): InterfaceCounters[] {
  return text
    .split('\n')
    .slice(2)
    .flatMap((line) => {
      const [name = '', rest] = line.split(':');
      const fields = rest?.trim().split(/ +/).map(Number) ?? [];
      if (fields.length < 16 || fields.some(Number.isNaN) || VIRTUAL.test(name.trim())) return [];
      const [receiveBytes = 0, , receiveErrors = 0, receiveDropped = 0] = fields;
      const [transmitBytes = 0, , transmitErrors = 0, transmitDropped = 0] = fields.slice(8);
      return {
        name: name.trim(),
        receiveBytes,
        receiveErrors,
        receiveDropped,
        transmitBytes,
        transmitErrors,
        transmitDropped,
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .slice(0, MAX_INTERFACES);
}

/** Empty where there is no such file. */
export async function readNetwork(procRoot = '/proc'): Promise<InterfaceCounters[]> {
  if (process.platform !== 'linux') return [];
  return parseNetDev(await readFile(join(procRoot, 'net/dev'), 'utf8'));
}
