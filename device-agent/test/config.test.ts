import { ConfigError, loadConfig } from '@flotilla/service';
import { expect, it } from 'vitest';
import { configSchema } from '../src/config.ts';
import { readImageSettings } from '../src/image-config.ts';
import { readUpdateSettings } from '../src/update-config.ts';
import { DEFAULT_UPDATE_SETTINGS } from '../src/update-settings.ts';

const environment = {
  FLOTILLA_DEVICE_ID: 'device-1',
  FLOTILLA_DEVICE_MODEL: 'sensor-a',
  FLOTILLA_DEVICE_DIR: '/var/lib/flotilla',
  FLOTILLA_DEVICE_TOKEN_FILE: '/etc/flotilla/token',
  FLOTILLA_OTA_URL: 'http://ota:8080',
  FLOTILLA_COLLECTOR_URL: 'https://collector:4318',
  FLOTILLA_TUF_ROOT_FILE: '/etc/flotilla/root.json',
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

it('takes updates as the defaults say unless told otherwise', () => {
  expect(readUpdateSettings(load({}))).toEqual(DEFAULT_UPDATE_SETTINGS);
  const told = readUpdateSettings(
    load({
      FLOTILLA_INSTALL_WINDOWS: 'Sat,Sun 02:00-04:00',
      FLOTILLA_TIME_ZONE: 'Europe/Berlin',
      FLOTILLA_TRIAL_PROBES: 'http://127.0.0.1:9/,/usr/bin/check',
      FLOTILLA_BATTERY_MUST_CHARGE: 'true',
    }),
  );
  expect(told.preconditions).toMatchObject({
    installWindows: [{ days: [6, 0], startMinute: 120, endMinute: 240 }],
    timeZone: 'Europe/Berlin',
    battery: { mustCharge: true },
  });
  expect(told.probes).toEqual([
    { kind: 'http', url: 'http://127.0.0.1:9/' },
    { kind: 'command', program: '/usr/bin/check' },
  ]);
});

it.each([
  ['FLOTILLA_INSTALL_WINDOWS', 'sometimes'],
  ['FLOTILLA_TIME_ZONE', 'Mars/Olympus'],
  ['FLOTILLA_TRIAL_PROBES', 'check'],
  ['FLOTILLA_BATTERY_MIN_PERCENT', '101'],
  ['FLOTILLA_SLOTS', 'image'],
])('refuses %s as %s', (name, value) => {
  expect(() => load({ [name]: value })).toThrow(ConfigError);
});

it('reads where whole systems lie', () => {
  const config = load({
    FLOTILLA_SLOTS: 'image',
    FLOTILLA_SLOT_A: '/dev/mmcblk0p2',
    FLOTILLA_SLOT_B: '/dev/mmcblk0p3',
    FLOTILLA_BOOT_ENVIRONMENT: '/dev/mmcblk0@4194304,/dev/mmcblk0@4259840',
    FLOTILLA_FACTORY_VERSION: '1.0.0',
    FLOTILLA_REBOOT_COMMAND: '/sbin/reboot -f',
  });
  expect(readImageSettings(config, () => 'quiet flotilla.slot=b')).toEqual({
    devices: { a: '/dev/mmcblk0p2', b: '/dev/mmcblk0p3' },
    booted: 'b',
    factoryVersion: '1.0.0',
    environment: {
      loader: 'uboot',
      locations: [
        { path: '/dev/mmcblk0', offsetBytes: 4_194_304 },
        { path: '/dev/mmcblk0', offsetBytes: 4_259_840 },
      ],
      sizeBytes: 16_384,
    },
    rebootCommand: ['/sbin/reboot', '-f'],
    health: null,
  });
  expect(() => readImageSettings(config, () => 'quiet')).toThrow('flotilla.slot');
});
