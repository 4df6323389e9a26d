import { DeviceListener } from './http/device-listener.ts';
import type { OtaService, OtaServiceDeps } from './ota-service.ts';

/** The device API behind TLS, beside the plain listener. Throws without an authority. */
export async function openDeviceListener(
  service: OtaService,
  deps: Pick<OtaServiceDeps, 'clock' | 'logger'>,
  names: readonly string[],
  at: { readonly host: string; readonly port: number },
): Promise<DeviceListener> {
  const { authority, denylist } = service.identity;
  if (authority === null) throw new Error('TLS for devices needs the authority');
  await service.app.ready();
  const answer = service.app.routing.bind(service.app);
  return DeviceListener.listen({ ...deps, ca: authority.ca, denylist, names, answer }, at);
}
