import {
  campaignEventSchema,
  campaignViewSchema,
  deviceDetailSchema,
  firmwareViewSchema,
} from '@flotilla/contracts';
import { describe, expect, it } from 'vitest';
import { storyFleet } from '../../src/testing/fake-fleet.ts';

const fleet = storyFleet(Date.parse('2026-03-01T12:00:00Z'));

describe('the fake fleet', () => {
  it('keeps the contract', () => {
    for (const device of fleet.devices) expect(deviceDetailSchema.parse(device)).toEqual(device);
    for (const campaign of fleet.campaigns)
      expect(campaignViewSchema.parse(campaign)).toEqual(campaign);
    for (const item of fleet.firmware) expect(firmwareViewSchema.parse(item)).toEqual(item);
    for (const event of [...fleet.events.values()].flat())
      expect(campaignEventSchema.parse(event)).toEqual(event);
  });

  it('adds up: contributions to the points lost, phases to the devices', () => {
    for (const { health } of fleet.devices) {
      if (health === null) continue;
      const lost = Object.values(health.contributions).reduce((sum, points) => sum + points, 0);
      expect(lost).toBeCloseTo(100 - health.score);
    }
    for (const { phases, totalDevices } of fleet.campaigns) {
      expect(phases.reduce((sum, { devices }) => sum + devices, 0)).toBe(totalDevices);
    }
  });
});
