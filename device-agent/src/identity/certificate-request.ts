import type { DeviceKey } from './device-key.ts';

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OID = 0x06;
const UTF8_STRING = 0x0c;
/** Constructed, context-specific 0: the attributes. */
const ATTRIBUTES = 0xa0;

/** 2.5.4.3 */
const COMMON_NAME = Buffer.from([0x55, 0x04, 0x03]);
/** 1.2.840.10045.4.3.2 */
const ECDSA_WITH_SHA256 = Buffer.from([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]);

/**
 * A PKCS #10 request (RFC 2986, 4) with `CN=<name>` and no attributes, as DER. Written out here because
 * the key may lie in hardware that only signs, and a device needs nothing else of a library for it.
 */
export async function certificateRequest(name: string, key: DeviceKey): Promise<Buffer> {
  const commonName = der(SEQUENCE, der(OID, COMMON_NAME), der(UTF8_STRING, Buffer.from(name)));
  const info = der(
    SEQUENCE,
    der(INTEGER, Buffer.from([0])),
    der(SEQUENCE, der(SET, commonName)),
    key.publicKey.export({ type: 'spki', format: 'der' }),
    der(ATTRIBUTES),
  );
  const signature = await key.sign(info);
  return der(
    SEQUENCE,
    info,
    der(SEQUENCE, der(OID, ECDSA_WITH_SHA256)),
    // No bit of the last byte is unused.
    der(BIT_STRING, Buffer.from([0]), signature),
  );
}

/** Tag, length (X.690, 8.1.3) and content. */
function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag, ...derLength(body.length)]), body]);
}

function derLength(length: number): number[] {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  return [0x82, length >> 8, length & 0xff];
}
