import { useEffect, useRef, type ReactNode } from 'react';
import { isNotFound } from '../api/api-failure.ts';
import { freshness, type PollState } from '../api/poll-state.ts';
import { Link } from '../routing/link.tsx';
import type { Route } from '../routing/routes.ts';
import { Notice } from '../ui/notice.tsx';
import { LiveBar } from './live-bar.tsx';
import { PageMain, useDocumentTitle } from './page-main.tsx';

interface PageFrameProps<T> {
  readonly title: string;
  readonly parent?: { readonly title: string; readonly to: Route };
  readonly poll: PollState<T>;
  /** Beside the title: badges, actions. */
  readonly aside?: ReactNode;
  readonly subtitle?: ReactNode;
  /** Stays where it is while data comes and goes, e.g. a filter. */
  readonly keepsFrame?: ReactNode;
  readonly children: (data: T) => ReactNode;
}

let firstPage = true;

/** Title, freshness and the states every page has: loading, refused, stale, live. */
export function PageFrame<T>(props: PageFrameProps<T>) {
  const { title, parent, poll, aside, subtitle, keepsFrame, children } = props;
  const heading = useRef<HTMLHeadingElement>(null);
  useDocumentTitle(title);
  useEffect(() => {
    // After a change of page a screen reader starts at its title; the first page keeps the browser's order.
    if (!firstPage) heading.current?.focus({ preventScroll: true });
    if (!firstPage) window.scrollTo(0, 0);
    firstPage = false;
  }, []);
  const state = freshness(poll);
  return (
    <>
      <LiveBar poll={poll} />
      <PageMain className={state === 'stale' ? 'page is-stale' : 'page'}>
        <div className="page-head">
          {parent !== undefined && (
            <nav aria-label="Breadcrumb" className="breadcrumb">
              <Link to={parent.to}>{parent.title}</Link>
              <span aria-hidden="true">/</span>
            </nav>
          )}
          <div className="page-title">
            <h1 ref={heading} tabIndex={-1}>
              {title}
            </h1>
            {aside}
          </div>
          {subtitle !== undefined && <p className="subtitle">{subtitle}</p>}
        </div>
        {keepsFrame}
        {poll.data !== null && children(poll.data)}
        {state === 'loading' && <Skeleton />}
        {state === 'failed' && poll.failure !== null && (
          <Notice
            tone={isNotFound(poll.failure) ? 'neutral' : 'bad'}
            title={poll.failure.title}
            detail={poll.failure.detail}
          />
        )}
      </PageMain>
    </>
  );
}

/**
 * After an action its button may be gone, and with it the place the browser gives the focus back
 * to; the page's title is the next best place for a keyboard.
 */
export function focusTitleIfLost(): void {
  requestAnimationFrame(() => {
    if (document.activeElement === document.body) document.querySelector('h1')?.focus();
  });
}

/** Keeps the place of the first panels, so that nothing jumps when the data comes. */
function Skeleton() {
  return (
    <div className="skeleton" aria-busy="true">
      <span className="visually-hidden">Loading</span>
      <div className="skeleton-block" />
      <div className="skeleton-block is-tall" />
    </div>
  );
}
