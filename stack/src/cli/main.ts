#!/usr/bin/env node
import { flotilla } from './flotilla.ts';

process.exitCode = await flotilla(process.argv.slice(2));
