import { AuthenticationError, MultipleErrors, ResponseError } from '@platformatic/kafka';

/** Error codes of the Kafka protocol that this client acts upon. */
export const CODE = {
  none: 0,
  offsetOutOfRange: 1,
  unknownTopicOrPartition: 3,
  messageTooLarge: 10,
  offsetMetadataTooLarge: 12,
  networkException: 13,
  recordListTooLarge: 18,
  illegalGeneration: 22,
  unknownMember: 25,
  rebalanceInProgress: 27,
  topicAlreadyExists: 36,
  duplicateSequence: 46,
  memberIdRequired: 79,
  unknownTopicId: 100,
} as const;

/** Codes of a partition whose leader moved or is not there yet, or of replicas that lag: try again. */
const TRANSIENT = new Set([
  2, 3, 5, 6, 7, 8, 9, 13, 14, 15, 16, 19, 20, 41, 56, 72, 74, 75, 78, 88, 89, 100, 103,
]);

export function isTransient(code: number): boolean {
  return TRANSIENT.has(code);
}

/** The answer even when it carries error codes: those are looked at where they stand. */
export async function answerOf<T>(request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof ResponseError) return error.response as T;
    throw error;
  }
}

export function isAuthenticationFailure(error: unknown): boolean {
  if (error instanceof AuthenticationError) return true;
  if (error instanceof MultipleErrors) return error.errors.some(isAuthenticationFailure);
  return (
    error instanceof Error && error.cause !== undefined && isAuthenticationFailure(error.cause)
  );
}
