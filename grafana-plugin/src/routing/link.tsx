import type { MouseEvent, ReactNode } from 'react';
import { useHost } from '../host/host-context.tsx';
import { pathOf, type Route } from './routes.ts';

interface LinkProps {
  readonly to: Route;
  readonly children: ReactNode;
  readonly className?: string;
  readonly current?: boolean;
}

/** An anchor that changes the page without loading it; modified clicks stay the browser's own. */
export function Link({ to, children, className, current }: LinkProps) {
  const { navigation } = useHost().host;
  const path = pathOf(to);
  const follow = (event: MouseEvent) => {
    const modified = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
    if (modified || event.button !== 0) return;
    event.preventDefault();
    navigation.go(path);
  };
  return (
    <a
      href={navigation.href(path)}
      className={className}
      aria-current={current === true ? 'page' : undefined}
      onClick={follow}
    >
      {children}
    </a>
  );
}
