import {
  ATTR_DEVICE_ID,
  ATTR_DEVICE_MODEL,
  ATTR_SERVICE_NAME,
  ATTR_SERVICE_VERSION,
  SERVICE_NAME_DEVICE,
} from '@flotilla/contracts';
import { defaultResource, resourceFromAttributes, type Resource } from '@opentelemetry/resources';
import { ATTR_HOST_NAME, ATTR_OS_TYPE } from '@opentelemetry/semantic-conventions/incubating';

export interface DeviceIdentity {
  readonly deviceId: string;
  readonly model: string;
  readonly hostName: string;
  /** `process.platform`. */
  readonly platform: string;
}

/** Who the telemetry speaks for; without a version while no firmware runs. */
export function deviceResource(identity: DeviceIdentity, firmwareVersion: string | null): Resource {
  return defaultResource().merge(
    resourceFromAttributes({
      [ATTR_SERVICE_NAME]: SERVICE_NAME_DEVICE,
      [ATTR_DEVICE_ID]: identity.deviceId,
      [ATTR_DEVICE_MODEL]: identity.model,
      [ATTR_HOST_NAME]: identity.hostName,
      // The well-known value is `windows`; the other platforms have their own names already.
      [ATTR_OS_TYPE]: identity.platform === 'win32' ? 'windows' : identity.platform,
      ...(firmwareVersion !== null && { [ATTR_SERVICE_VERSION]: firmwareVersion }),
    }),
  );
}
