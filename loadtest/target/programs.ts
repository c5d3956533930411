import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** @throws where one of them is not on the PATH, with what to do about it */
export function needPrograms(...programs: readonly string[]): void {
  const missing = programs.filter((program) => !isOnPath(program));
  if (missing.length > 0)
    throw new Error(
      `${missing.join(' and ')} not found on the PATH: the harness measures with a Redis of its own ` +
        '(Debian has it in the packages redis-server and redis-tools)',
    );
}

/** @param folders where it may be besides */
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
