import { ConfigError, loadConfig } from '@flotilla/service';
import { expect, it } from 'vitest';
import { configSchema } from '../src/config.ts';

const environment = {
  FLOTILLA_DEVICE_ID: 'device-1',
  FLOTILLA_DEVICE_MODEL: 'sensor-a',
  FLOTILLA_DEVICE_DIR: '/var/lib/flotilla',
  FLOTILLA_DEVICE_TOKEN_FILE: '/etc/flotilla/token',
  FLOTILLA_OTA_URL: 'http://ota:8080',
  FLOTILLA_COLLECTOR_URL: 'https://collector:4318',
  FLOTILLA_RELEASE_KEY_FILE: '/etc/flotilla/keys.pem',
  FLOTILLA_FIRMWARE_PORT: '8080',
};
const load = (change: Record<string, string>) =>
  loadConfig(configSchema, { ...environment, ...change });
const pair = {
  FLOTILLA_COLLECTOR_CERT_FILE: '/etc/flotilla/device.pem',
  FLOTILLA_COLLECTOR_KEY_FILE: '/etc/flotilla/device.key',
};

it('takes a certificate and its key, and an authority with or without them', () => {
  expect(load(pair)).toMatchObject(pair);
  expect(load({ FLOTILLA_COLLECTOR_CA_FILE: '/ca.pem' })).toMatchObject({
    FLOTILLA_COLLECTOR_CA_FILE: '/ca.pem',
  });
});

it.each(Object.keys(pair))('refuses %s without the other', (name) => {
  expect(() => load({ [name]: '/x.pem' })).toThrow(ConfigError);
  expect(() => load({ [name]: '/x.pem' })).toThrow('belong together');
});

it('refuses to leave a certificate unused on a plain connection', () => {
  const FLOTILLA_COLLECTOR_URL = 'http://collector:4318';
  expect(() => load({ ...pair, FLOTILLA_COLLECTOR_URL })).toThrow('must be https');
  const ca = { FLOTILLA_COLLECTOR_CA_FILE: '/ca.pem', FLOTILLA_COLLECTOR_URL };
  expect(() => load(ca)).toThrow('must be https');
});

it('splits the mount points, and takes absolute ones only', () => {
  expect(load({}).FLOTILLA_MOUNTS).toEqual([]);
  expect(load({ FLOTILLA_MOUNTS: '/data,/boot,' }).FLOTILLA_MOUNTS).toEqual(['/data', '/boot']);
  expect(() => load({ FLOTILLA_MOUNTS: 'data' })).toThrow('FLOTILLA_MOUNTS');
});
