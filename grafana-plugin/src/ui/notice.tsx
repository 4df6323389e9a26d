import type { ReactNode } from 'react';

interface NoticeProps {
  readonly tone: 'neutral' | 'good' | 'bad';
  readonly title: string;
  readonly detail?: ReactNode;
}

/** A message in the place of content: an empty state or a problem. */
export function Notice({ tone, title, detail }: NoticeProps) {
  return (
    <div className={`notice is-${tone}`} role={tone === 'bad' ? 'alert' : undefined}>
      <p className="notice-title">{title}</p>
      {detail !== undefined && detail !== '' && <p className="notice-detail">{detail}</p>}
    </div>
  );
}
