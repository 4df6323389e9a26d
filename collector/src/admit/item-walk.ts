import { fieldBudget, WIRE_FIXED64, WireCursor, type FieldBudget } from './wire-cursor.ts';

export type SignalName = 'metrics' | 'logs' | 'traces';

/**
 * The way from a Resource… entry to its items, as field numbers of opentelemetry-proto 1.x, and which
 * fields of an item are times. A metric's points lie in one of five kinds, all alike in these fields.
 */
const ROUTES: Readonly<Record<SignalName, { path: number[][]; times: number[]; start: number }>> = {
  metrics: { path: [[2], [2], [5, 7, 9, 10, 11], [1]], times: [2, 3], start: 2 },
  logs: { path: [[2], [2]], times: [1, 11], start: 0 },
  traces: { path: [[2], [2]], times: [7, 8], start: 0 },
};

/** Gets every time of every item: where its eight bytes lie, and whether it only says since when. */
export type TimeVisitor = (at: number, isStart: boolean) => void;

/**
 * Walks the items (data points, log records, spans) of a Resource… entry, a bounded number of fields;
 * decodes nothing. Returns how many there are. Throws WireError when the bytes are no protobuf.
 */
export function walkItems(
  signal: SignalName,
  bytes: Uint8Array,
  entry: { readonly start: number; readonly end: number },
  visit: TimeVisitor,
  budget: FieldBudget = fieldBudget(bytes.length),
): number {
  const { path, times, start } = ROUTES[signal];
  const descend = (message: WireCursor, level: number): number => {
    const wanted = path[level];
    if (wanted === undefined) {
      while (message.next()) {
        if (message.wireType === WIRE_FIXED64 && times.includes(message.number)) {
          visit(message.start, message.number === start);
        }
      }
      return 1;
    }
    let items = 0;
    while (message.next()) {
      if (wanted.includes(message.number)) items += descend(message.message(), level + 1);
    }
    return items;
  };
  const outer = new WireCursor(bytes, entry.start, entry.end, budget);
  outer.next();
  return descend(outer.message(), 0);
}
