import { open } from 'node:fs/promises';

/** A rename or a new name is durable only once its folder is (fsync(2), DESCRIPTION). */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
