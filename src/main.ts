#!/usr/bin/env node
import { run } from './cli/run.ts';

run();
