import { Component, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { bootData } from './boot-data.ts';
import type { AppPlugin } from './grafana-data.ts';
import { loadPlugin } from './plugin-loader.ts';

/** Rules of the host that a plugin's own style has to hold against. */
const STYLE = `
  body { margin: 0; font: 14px/1.57 Inter, system-ui, sans-serif; }
  body.dark { background: #111217; color: #ccccdc; color-scheme: dark; }
  body.light { background: #f4f5f5; color: #24292e; color-scheme: light; }
  h1 { font-size: 28px; margin: 0 0 4px; } h2 { font-size: 24px; } ul { padding-left: 24px; }
  label { margin-bottom: 0; } table { border-spacing: 0; } button { font: inherit; }
  .frame { display: grid; grid-template-columns: 200px minmax(0, 1fr); min-height: 100vh; }
  .megamenu { padding: 16px; border-right: 1px solid #8884; }
  .megamenu a { display: block; padding: 6px 8px; color: inherit; text-decoration: none; }
  .page-canvas { padding: 16px; }
  @media (max-width: 640px) { .frame { display: block; } .megamenu { display: none; } }
`;

class Boundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state = { error: null };
  static getDerivedStateFromError(error: Error) {
    return { error };
  }
  override render() {
    const { error } = this.state;
    return error === null ? this.props.children : <p role="alert">{String(error)}</p>;
  }
}

function Frame({ plugin }: { readonly plugin: AppPlugin }) {
  const isSettings = window.location.pathname.startsWith('/plugins/');
  const Root = plugin.root;
  const [page] = plugin.configPages;
  return (
    <div className="frame">
      <nav className="megamenu" aria-label="Grafana">
        {bootData.nav.map(({ name, path }) => (
          <a key={path} href={path}>
            {name}
          </a>
        ))}
      </nav>
      <main id="pageContent">
        <Boundary>
          {isSettings && page !== undefined && (
            <div className="page-canvas">
              <page.body plugin={{ meta: bootData.meta }} />
            </div>
          )}
          {!isSettings && Root !== undefined && <Root meta={bootData.meta} basename="" path="" />}
        </Boundary>
      </main>
    </div>
  );
}

document.body.className = bootData.theme;
document.head.append(Object.assign(document.createElement('style'), { textContent: STYLE }));
const root = document.getElementById('reactRoot');
if (root === null) throw new Error('the page has no #reactRoot');
void loadPlugin(bootData.id).then((plugin) => createRoot(root).render(<Frame plugin={plugin} />));
