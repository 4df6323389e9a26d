import type { CaTables } from '../ca/tables.ts';
import type { AlertTables } from '../alerts-webhook/tables.ts';
import type { CampaignTables } from '../campaigns/tables.ts';
import type { DdiTables } from '../ddi/tables.ts';
import type { DeviceTables } from '../devices/tables.ts';
import type { FirmwareTables } from '../firmware/tables.ts';
import type { LifecycleTables } from '../lifecycle/tables.ts';
import type { ProvisioningTables } from '../provisioning/tables.ts';
import type { TrustTables } from '../trust/tables.ts';
import type { LeaseTables } from './lease-table.ts';

/** Every table of the registry; each concept declares its own beside its code. */
export type Database = FirmwareTables &
  DeviceTables &
  CampaignTables &
  DdiTables &
  TrustTables &
  AlertTables &
  LifecycleTables &
  CaTables &
  ProvisioningTables &
  LeaseTables;
