import { DeltaError } from './delta-error.ts';
import type { Edit } from './edit-script.ts';

/** Only a forged patch with right checksums is caught here; it must not read or write out of bounds. */
export function checkEdit(edit: Edit, room: number, baseSizeBytes: number): void {
  const { baseOffset, copyLength, literalLength } = edit;
  const made = copyLength + literalLength;
  if (made === 0 || made > room) {
    throw new DeltaError('corrupt', `an edit makes ${made} bytes where 1 to ${room} fit`);
  }
  if (baseOffset < 0 || baseOffset + copyLength > baseSizeBytes) {
    throw new DeltaError('corrupt', 'an edit copies from outside the base');
  }
}
