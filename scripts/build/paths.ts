import { fileURLToPath } from 'node:url';

/** The root of the project, with a trailing slash. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The default directory of builds. */
export const DIST = `${ROOT}dist/`;
