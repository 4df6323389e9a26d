import { fieldBudget, WIRE_FIXED64, WireCursor, type FieldBudget } from './wire-cursor.ts';

export type SignalName = 'metrics' | 'logs' | 'traces';

/** A set of field numbers below 32, one bit each. */
type FieldSet = number;

interface Route {
  /** From a Resource… entry down to its items: the fields to follow at each level. */
  readonly path: readonly FieldSet[];
  readonly times: FieldSet;
  /** The time that only says since when; 0 where there is none. */
  readonly start: number;
}

/** Field numbers of opentelemetry-proto 1.x. A metric's points lie in one of five kinds, all alike here. */
const ROUTES: Readonly<Record<SignalName, Route>> = {
  metrics: {
    path: [fields(2), fields(2), fields(5, 7, 9, 10, 11), fields(1)],
    times: fields(2, 3),
    start: 2,
  },
  logs: { path: [fields(2), fields(2)], times: fields(1, 11), start: 0 },
  traces: { path: [fields(2), fields(2)], times: fields(7, 8), start: 0 },
};

function fields(...numbers: readonly number[]): FieldSet {
  return numbers.reduce((set, number) => set | (1 << number), 0);
}

function has(set: FieldSet, number: number): boolean {
  return number < 32 && ((set >>> number) & 1) === 1;
}

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
  const route = ROUTES[signal];
  const outer = new WireCursor(bytes, entry.start, entry.end, budget);
  outer.next();
  // One cursor a level instead of one for every item.
  const inner = route.path.map(() => new WireCursor(bytes, 0, 0, budget));
  return descend(outer.message(), 0, inner, route, visit);
}

function descend(
  message: WireCursor,
  level: number,
  inner: readonly WireCursor[],
  route: Route,
  visit: TimeVisitor,
): number {
  const wanted = route.path[level];
  const below = inner[level];
  if (wanted === undefined || below === undefined) {
    visitTimes(message, route, visit);
    return 1;
  }
  let items = 0;
  while (message.next()) {
    if (has(wanted, message.number)) {
      items += descend(below.enter(message), level + 1, inner, route, visit);
    }
  }
  return items;
}

function visitTimes(item: WireCursor, { times, start }: Route, visit: TimeVisitor): void {
  while (item.next()) {
    if (item.wireType === WIRE_FIXED64 && has(times, item.number)) {
      visit(item.start, item.number === start);
    }
  }
}
