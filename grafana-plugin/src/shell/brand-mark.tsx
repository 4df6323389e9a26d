/** Two sails on one hull: the favicon's drawing in the text's colour. */
export function BrandMark({ size = 24 }: { readonly size?: number }) {
  return (
    <svg className="brand-mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" />
      <path d="M15 6v13H6.5z" />
      <path d="M17 10v9h7z" opacity=".75" />
      <path d="M5 22h22c-1.6 3-4 4.5-7 4.5h-8c-3 0-5.4-1.5-7-4.5z" />
    </svg>
  );
}
