/** The live page in the single binary: each script as one file, the other files unchanged. */
import { build } from 'esbuild';
import { UI_SCRIPTS } from '../../src/service/ui-files.ts';
import { ROOT } from './paths.ts';

/** From the name of an asset to its file. The files of uPlot are assets of the reports already. */
export const UI_FILES: Readonly<Record<string, string>> = Object.fromEntries(
  ['index.html', 'style.css', 'icon.svg'].map((name) => [`ui/${name}`, `${ROOT}src/ui/${name}`]),
);

/** From the name of an asset to its text. */
export async function uiScripts(): Promise<Record<string, string>> {
  const texts = UI_SCRIPTS.map(async (name) => {
    const { outputFiles } = await build({
      absWorkingDir: ROOT,
      entryPoints: [`src/ui/${name}.ts`],
      bundle: true,
      minify: true,
      format: 'esm',
      target: 'es2022',
      legalComments: 'none',
      write: false,
      logLevel: 'error',
    });
    return [`ui/${name}.js`, outputFiles[0]!.text];
  });
  return Object.fromEntries(await Promise.all(texts));
}
