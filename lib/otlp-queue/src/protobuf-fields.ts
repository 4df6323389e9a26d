/**
 * One field of a protobuf message, undecoded: a varint or fixed64 as bigint, a fixed32 as number, a
 * length-delimited value as its bytes. Encoding: protobuf.dev/programming-guides/encoding.
 */
export interface ProtobufField {
  readonly number: number;
  readonly value: bigint | number | Uint8Array;
}

/** The bytes are not a protobuf message. */
export class ProtobufError extends Error {
  override readonly name = 'ProtobufError';
}

/** Reads the fields of a message in order. Throws ProtobufError where the bytes end too early. */
export function readProtobufFields(bytes: Uint8Array): ProtobufField[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields: ProtobufField[] = [];
  let position = 0;

  const take = (length: number): number => {
    const start = position;
    if (length > bytes.length - start) throw new ProtobufError('a field runs past the end');
    position += length;
    return start;
  };
  const varint = (): bigint => {
    let result = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = view.getUint8(take(1));
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, result);
    }
    throw new ProtobufError('a varint is longer than ten bytes');
  };
  const readValue = (wireType: number): ProtobufField['value'] => {
    if (wireType === 0) return varint();
    if (wireType === 1) return view.getBigUint64(take(8), true);
    if (wireType === 5) return view.getUint32(take(4), true);
    if (wireType !== 2) throw new ProtobufError(`wire type ${wireType} is not supported`);
    const length = Number(varint());
    const start = take(length);
    return bytes.subarray(start, start + length);
  };

  while (position < bytes.length) {
    const tag = Number(varint());
    fields.push({ number: Math.floor(tag / 8), value: readValue(tag % 8) });
  }
  return fields;
}
