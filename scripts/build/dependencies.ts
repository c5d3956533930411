import { readFileSync } from 'node:fs';
import { ROOT } from './paths.ts';

interface Locked {
  readonly name?: string;
  readonly version: string;
  readonly dev?: true;
  readonly peer?: true;
  readonly optional?: true;
  readonly devOptional?: true;
}

/** `name@version` of all packages that the program needs at run time. */
export function productionPackages(): Set<string> {
  const { packages } = JSON.parse(readFileSync(`${ROOT}package-lock.json`, 'utf8')) as {
    packages: Readonly<Record<string, Locked>>;
  };
  const needed = Object.entries(packages).filter(
    ([path, { dev, peer, optional, devOptional }]) =>
      path !== '' && !(dev || peer || optional || devOptional),
  );
  // A package may be installed under an alias.
  return new Set(needed.map(([path, { name, version }]) => `${name ?? lastName(path)}@${version}`));
}

function lastName(path: string): string {
  return path.replace(/.*node_modules\//, '');
}
