import { sign, type KeyObject } from 'node:crypto';
import { GROUP, MODEL, POLL_BODY } from './fleet.ts';

/** `POST /device/v1/poll` of a device, with a token as ota-service issues it, as it goes over the wire. */
export class PollRequests {
  readonly #key: KeyObject;
  constructor(deviceTokenKey: KeyObject) {
    this.#key = deviceTokenKey;
  }

  of(deviceId: string, model = MODEL): string {
    return this.post('/device/v1/poll', deviceId, model, POLL_BODY);
  }

  post(path: string, deviceId: string, model: string, body: string): string {
    return (
      `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n` +
      `authorization: Bearer ${this.tokenOf(deviceId, model)}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
    );
  }

  /** JWT (RFC 7519) signed EdDSA (RFC 8037). Signed here: the API registers one device at a time. */
  tokenOf(deviceId: string, model: string): string {
    const issuedAt = Math.floor(Date.now() / 1000);
    const claims = { iss: 'flotilla', aud: 'flotilla-device', iat: issuedAt };
    const text = [{ alg: 'EdDSA' }, { model, group: GROUP, ...claims, sub: deviceId }]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    return `${text}.${sign(null, Buffer.from(text), this.#key).toString('base64url')}`;
  }
}
