import { fileURLToPath } from 'node:url';

/** Of the project, with a slash at the end. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What is built, by default. */
export const DIST = `${ROOT}dist/`;
