/** `node --import '…/test/mutants/put.ts?mutant=NAME' PROGRAM` runs the program with the mutant of that name in it. */
import { isMutantName, mutantNamed } from './index.ts';

const name = new URL(import.meta.url).searchParams.get('mutant') ?? '';
if (!isMutantName(name)) throw new Error(`no mutant is named "${name}"`);
mutantNamed(name)();
