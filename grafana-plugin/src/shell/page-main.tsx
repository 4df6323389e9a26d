import { useEffect, type ReactNode } from 'react';
import { useHost } from '../host/host-context.tsx';

interface PageMainProps {
  readonly className: string;
  readonly children: ReactNode;
}

/** The page's content; inside another application the `main` landmark is that application's. */
export function PageMain({ className, children }: PageMainProps) {
  const Element = useHost().host.frame === 'own' ? 'main' : 'div';
  return (
    <Element id="main" className={className}>
      {children}
    </Element>
  );
}

export function useDocumentTitle(title: string): void {
  const { frame } = useHost().host;
  useEffect(() => {
    if (frame === 'own') document.title = `${title} · Flotilla`;
  }, [frame, title]);
}
