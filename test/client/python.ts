/** Where the tests find Python. */

/** Debian's package python3-websockets serves the Python of Debian. `PYTHON` names another, for example of a venv. */
export const PYTHON = process.env.PYTHON ?? '/usr/bin/python3';

/** The environment in which Python finds the client, and does not write byte code into the sources. */
export function pythonEnv(): NodeJS.ProcessEnv {
  const client = new URL('../../clients/python/', import.meta.url).pathname;
  return { ...process.env, PYTHONPATH: client, PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1' };
}
