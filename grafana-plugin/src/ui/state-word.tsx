import type { ReactNode } from 'react';

export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'neutral';

/** Each tone has its own shape, so that a state is never told by colour alone. */
const SHAPES: Readonly<Record<Tone, ReactNode>> = {
  good: (
    <>
      <circle cx="8" cy="8" r="7" className="shape" />
      <path d="m4.8 8.2 2.2 2.2 4.2-4.6" className="ink" />
    </>
  ),
  warn: (
    <>
      <path d="M8 1.5 15 14H1z" className="shape" strokeLinejoin="round" />
      <path d="M8 6.2v3.4M8 11.6v.2" className="ink" />
    </>
  ),
  bad: (
    <>
      <path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" className="shape" />
      <path d="m5.6 5.6 4.8 4.8m0-4.8-4.8 4.8" className="ink" />
    </>
  ),
  info: (
    <>
      <circle cx="8" cy="8" r="6" className="outline" />
      <path d="M8 2a6 6 0 0 1 0 12z" className="shape" />
    </>
  ),
  neutral: <circle cx="8" cy="8" r="6" className="outline" strokeDasharray="2.5 2.2" />,
};

interface StateWordProps {
  readonly tone: Tone;
  readonly children: ReactNode;
  readonly badge?: boolean;
}

/** A state as shape, colour and word. */
export function StateWord({ tone, children, badge }: StateWordProps) {
  return (
    <span className={`state tone-${tone}${badge === true ? ' is-badge' : ''}`}>
      <svg width="14" height="14" viewBox="0 0 16 16" aria-hidden="true">
        {SHAPES[tone]}
      </svg>
      <span>{children}</span>
    </span>
  );
}
