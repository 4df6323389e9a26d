import { z } from 'zod';

const listSchema = z.array(z.string());

/** A column that holds a JSON array of strings. */
export function stringList(json: string): string[] {
  return listSchema.parse(JSON.parse(json));
}
