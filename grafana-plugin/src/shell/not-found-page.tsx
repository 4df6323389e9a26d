import { Link } from '../routing/link.tsx';
import { PageMain, useDocumentTitle } from './page-main.tsx';

export function NotFoundPage({ path }: { readonly path: string }) {
  useDocumentTitle('No such page');
  return (
    <PageMain className="page">
      <div className="page-head">
        <h1>There is no such page</h1>
        <p className="subtitle">
          <code>{path}</code> leads nowhere.
        </p>
      </div>
      <p>
        <Link to={{ page: 'fleet' }}>Go to the fleet</Link>
      </p>
    </PageMain>
  );
}
