import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** @throws if one of the programs is not on the PATH, with the packages to install */
export function needPrograms(...programs: readonly string[]): void {
  const missing = programs.filter((program) => !isOnPath(program));
  if (missing.length > 0)
    throw new Error(
      `${missing.join(' and ')} not found on the PATH: the harness starts its own Redis. ` +
        'Install redis-server and redis-cli (on Debian the packages redis-server and redis-tools).',
    );
}

/** @param folders searched in addition to the PATH */
export function isOnPath(program: string, ...folders: readonly string[]): boolean {
  return [...(process.env.PATH ?? '').split(delimiter), ...folders].some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
