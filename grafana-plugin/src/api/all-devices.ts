import type { DeviceView } from '@flotilla/contracts';
import type { ApiResult } from './api-failure.ts';

/** The largest page the service gives. */
export const DEVICE_PAGE_SIZE = 500;

/** Ten pages every two seconds is what a console may ask for; a larger fleet is shown in part. */
const MAX_PAGES = 10;

export interface DevicePage {
  readonly items: readonly DeviceView[];
  /** Null or absent on the last page. */
  readonly nextCursor: string | null;
}

export interface FleetAnswer {
  readonly items: readonly DeviceView[];
  /** False when the fleet has more devices than were read: totals are then of a part of it. */
  readonly isWhole: boolean;
}

/** Follows the cursors to the end, or to the cap; a failed page fails the whole. */
export async function allDevices(
  page: (cursor: string | null) => Promise<ApiResult<DevicePage>>,
): Promise<ApiResult<FleetAnswer>> {
  const items: DeviceView[] = [];
  let cursor: string | null = null;
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const result: ApiResult<DevicePage> = await page(cursor);
    if (!result.ok) return result;
    items.push(...result.value.items);
    cursor = result.value.nextCursor;
    if (cursor === null) return { ok: true, value: { items, isWhole: true } };
  }
  return { ok: true, value: { items, isWhole: false } };
}
