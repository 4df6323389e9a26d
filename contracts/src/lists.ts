import { z } from 'zod';

/** Every list answer: `{ items: [...] }`, so that fields can be added beside it. */
export const listOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item) });
export interface ListOf<T> {
  items: T[];
}
