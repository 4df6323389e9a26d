import { startHarness } from './ota-harness.ts';

/** The harness as a process of its own, to be killed: `harness-process.ts <folder>`. */
const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('give the folder of its data');
const { url } = await startHarness({ folder });
process.send?.({ url });
