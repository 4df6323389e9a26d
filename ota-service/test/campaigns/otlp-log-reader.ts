/**
 * Reads an OTLP logs request (opentelemetry-proto, logs/v1 and common/v1) without the library that
 * wrote it, so a test does not check an encoder by itself.
 */
export interface ReadLogRecord {
  readonly resource: Record<string, unknown>;
  readonly eventName: string;
  readonly body: unknown;
  readonly timeMs: number;
  readonly attributes: Record<string, unknown>;
}

interface Field {
  readonly number: number;
  readonly value: bigint | Buffer;
}

export function readLogsRequest(bytes: Uint8Array): ReadLogRecord[] {
  return all(fieldsOf(Buffer.from(bytes)), 1).flatMap((resourceLogs) => {
    const inResource = fieldsOf(resourceLogs);
    const resource = attributesOf(all(inResource, 1).flatMap((r) => all(fieldsOf(r), 1)));
    return all(inResource, 2)
      .flatMap((scopeLogs) => all(fieldsOf(scopeLogs), 2))
      .map((record) => {
        const fields = fieldsOf(record);
        const time = fields.find(({ number }) => number === 1)?.value;
        return {
          resource,
          eventName: all(fields, 12).map(String).join(''),
          body: all(fields, 5).map(anyValue)[0],
          timeMs: typeof time === 'bigint' ? Number(time / 1_000_000n) : Number.NaN,
          attributes: attributesOf(all(fields, 6)),
        };
      });
  });
}

function attributesOf(entries: readonly Buffer[]): Record<string, unknown> {
  return Object.fromEntries(
    entries.map((entry) => {
      const fields = fieldsOf(entry);
      return [all(fields, 1).map(String).join(''), all(fields, 2).map(anyValue)[0]];
    }),
  );
}

function anyValue(bytes: Buffer): unknown {
  const [field] = fieldsOf(bytes);
  if (field === undefined) return null;
  const { number, value } = field;
  if (number === 1) return String(value);
  if (number === 2) return value === 1n;
  if (number === 3) return Number(value);
  throw new Error(`no event attribute is of kind ${number}`);
}

function all(fields: readonly Field[], number: number): Buffer[] {
  return fields.flatMap((f) => (f.number === number && Buffer.isBuffer(f.value) ? [f.value] : []));
}

/** Protocol Buffers encoding: tag = number << 3 | wire type. */
function fieldsOf(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = tag >> 3;
    if ((tag & 7) === 0) fields.push({ number, value: varint() });
    else if ((tag & 7) === 1) {
      fields.push({ number, value: bytes.readBigUInt64LE(at) });
      at += 8;
    } else if ((tag & 7) === 2) {
      const length = Number(varint());
      fields.push({ number, value: bytes.subarray(at, at + length) });
      at += length;
    } else throw new Error(`wire type ${tag & 7} is not used here`);
  }
  return fields;
}
