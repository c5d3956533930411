/** `node --import '…/test/mutants/put.ts?mutant=NAME' PROGRAM` runs the program with the named mutant. */
import { isMutantName, mutantNamed } from './index.ts';

const name = new URL(import.meta.url).searchParams.get('mutant') ?? '';
if (!isMutantName(name)) throw new Error(`unknown mutant "${name}"; use a name in test/mutants/`);
mutantNamed(name)();
