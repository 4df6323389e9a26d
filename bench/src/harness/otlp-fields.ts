import type { WireWriter } from '@flotilla/otlp';

/** A message in `field`. */
export function nested(writer: WireWriter, field: number, content: () => void): void {
  const mark = writer.begin(field);
  content();
  writer.end(mark);
}

/** A KeyValue in `field`; common.proto: KeyValue.key = 1, value = 2, AnyValue.string_value = 1. */
export function attribute(writer: WireWriter, field: number, key: string, value: string): void {
  nested(writer, field, () => {
    writer.string(1, key);
    nested(writer, 2, () => writer.string(1, value));
  });
}
