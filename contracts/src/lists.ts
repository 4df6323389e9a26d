import { z } from 'zod';

/** Every list answer: `{ items: [...] }`, so that fields can be added beside it. */
export const listOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item) });
export interface ListOf<T> {
  items: T[];
}

/** A list that comes in pages: pass `nextCursor` as `cursor` to get the next one; null on the last. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });
