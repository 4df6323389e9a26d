import { useHost } from '../host/host-context.tsx';
import { Link } from '../routing/link.tsx';
import type { Permission } from '../host/host.ts';
import type { Route } from '../routing/routes.ts';
import { BrandMark } from './brand-mark.tsx';

const SECTIONS = [
  { title: 'Fleet', to: { page: 'fleet' }, pages: ['fleet'] },
  { title: 'Devices', to: { page: 'devices' }, pages: ['devices', 'device'] },
  {
    title: 'Campaigns',
    to: { page: 'campaigns' },
    pages: ['campaigns', 'campaign', 'new-campaign'],
  },
  { title: 'Firmware', to: { page: 'firmware' }, pages: ['firmware'] },
  {
    title: 'Provisioning',
    to: { page: 'provisioning' },
    pages: ['provisioning'],
    needs: 'provisioning:write',
  },
] as const satisfies readonly {
  title: string;
  to: Route;
  pages: readonly Route['page'][];
  needs?: Permission;
}[];

export function TopBar({ route }: { readonly route: Route }) {
  const { access, frame } = useHost().host;
  const Element = frame === 'own' ? 'header' : 'div';
  return (
    <Element className={frame === 'own' ? 'top-bar' : 'top-bar is-embedded'}>
      {frame === 'own' && (
        <a className="skip-link" href="#main">
          Skip to content
        </a>
      )}
      <div className="top-bar-inner">
        {frame === 'own' && (
          <Link to={{ page: 'fleet' }} className="brand">
            <BrandMark />
            <span>Flotilla</span>
          </Link>
        )}
        <nav aria-label={frame === 'own' ? 'Main' : 'Flotilla'}>
          <ul className="sections">
            {SECTIONS.filter((section) => !('needs' in section) || access.can(section.needs)).map(
              ({ title, to, pages }) => (
                <li key={title}>
                  <Link to={to} current={pages.some((page) => page === route.page)}>
                    {title}
                  </Link>
                </li>
              ),
            )}
          </ul>
        </nav>
        {access.authorization() !== null && (
          <button type="button" className="quiet sign-out" onClick={() => access.signOut('none')}>
            <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
              <path
                d="M6 2H3v12h3M7 8h7m-3-3 3 3-3 3"
                fill="none"
                stroke="currentColor"
                strokeWidth="1.5"
                strokeLinecap="round"
                strokeLinejoin="round"
              />
            </svg>
            <span>Sign out</span>
          </button>
        )}
      </div>
    </Element>
  );
}
