import { z } from 'zod';
import { EXECUTIONS } from './domain/ddi-feedback.ts';

/** Body of a feedback; unknown members are other servers' business. */
export const ddiFeedbackSchema = z.object({
  id: z.coerce.string().optional(),
  status: z.object({
    execution: z.enum(EXECUTIONS),
    result: z.object({
      finished: z.enum(['success', 'failure', 'none']),
    }),
    details: z.array(z.string()).max(1000).optional(),
  }),
});
export type DdiFeedback = z.infer<typeof ddiFeedbackSchema>;

/** Body of PUT configData: what a device tells of itself. */
export const ddiConfigDataSchema = z.object({
  mode: z.enum(['merge', 'replace', 'remove']).optional(),
  data: z.record(z.string().max(128), z.coerce.string().max(1024)),
});
export type DdiConfigData = z.infer<typeof ddiConfigDataSchema>;
