import { useEffect } from 'react';
import { Link } from '../routing/link.tsx';

export function NotFoundPage({ path }: { readonly path: string }) {
  useEffect(() => {
    document.title = 'No such page · Flotilla';
  }, []);
  return (
    <main id="main" className="page">
      <div className="page-head">
        <h1>There is no such page</h1>
        <p className="subtitle">
          <code>{path}</code> leads nowhere.
        </p>
      </div>
      <p>
        <Link to={{ page: 'fleet' }}>Go to the fleet</Link>
      </p>
    </main>
  );
}
