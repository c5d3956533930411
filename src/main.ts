#!/usr/bin/env node
import { holdHangups } from './hangup.ts';

holdHangups(process.argv[2]);
// A static import would be loaded before the first statement, and a SIGHUP meanwhile would end the process. Not awaited:
// bundles are CommonJS, which has no top-level await.
import('./cli/run.ts').then(({ run }) => run());
