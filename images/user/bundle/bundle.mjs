// Writes marimo's program into a few files beside its own, once: `node bundle.mjs DIRECTORY`
// (marimo/_static of an environment).
//
// WORKAROUND(marimo 0.25.2): a browser needs more than 350 of its files for a notebook. Each costs a
// request, and the browser's one thread has to join them.
// Test: test_a_notebook_takes_few_requests_and_every_part_of_it_loads
// Here the files that a page needs together become one. `marimo_singleuser.assets` reads bundle.json
// and leads pages to it. marimo's own files stay: exports to HTML name them.

import fs from "node:fs";
import path from "node:path";
import { rolldown } from "rolldown";

const STATIC = path.resolve(process.argv[2]);
const ASSETS = path.join(STATIC, "assets");
const ANOTHER = "is this another marimo?";

const page = fs.readFileSync(path.join(STATIC, "index.html"), "utf8");
const program = /<script type="module"[^>]* src="\.\/assets\/(index-[\w-]+\.js)"/.exec(page)?.[1];
if (!program) throw new Error(`index.html has no program: ${ANOTHER}`);

/** Return the path of the only script whose name begins so. */
function script(beginning) {
  const found = fs.readdirSync(ASSETS).filter((name) => name.startsWith(beginning) && name.endsWith(".js"));
  if (found.length !== 1) throw new Error(`${found.length} files begin with ${beginning}: ${ANOTHER}`);
  return path.join(ASSETS, found[0]);
}

/** Return the ids of a module and of all that it imports, and these in turn. */
function closure(id, modules, found = new Set()) {
  if (found.has(id)) return found;
  found.add(id);
  for (const imported of modules.getModuleInfo(id)?.importedIds ?? []) closure(imported, modules, found);
  return found;
}

// What every page needs is one file, what both kinds need is another: no file imports one below it.
const STARTS = [path.join(ASSETS, program), script("edit-page-"), script("run-page-")];
let needed;
function part(id, modules) {
  needed ??= STARTS.map((start) => closure(start, modules));
  const [everywhere, inEditors, inApps] = needed.map((ids) => ids.has(id));
  if (everywhere) return "page";
  if (inEditors) return inApps ? "notebook" : "editor";
  return null;
}

// The program itself asks for scripts ahead, by marimo's names. Styles keep theirs.
const stylesOnly = {
  name: "styles-only",
  transform(code, id) {
    if (!/preload-helper-[\w-]+\.js$/.test(id)) return null;
    const before = "if(r&&r.length>0)";
    if (code.split(before).length !== 2) throw new Error(`${id} is not as expected: ${ANOTHER}`);
    return code.replace(before, "if(r=r?.filter(e=>e.endsWith(`.css`)),r&&r.length>0)");
  },
};

const build = await rolldown({
  input: { program: STARTS[0] },
  plugins: [stylesOnly],
  treeshake: false,
  preserveEntrySignatures: "allow-extension",
  checks: { pluginTimings: false },
});
const { output } = await build.write({
  dir: ASSETS,
  format: "esm",
  minify: true,
  entryFileNames: "bundle-[name]-[hash].js",
  chunkFileNames: "bundle-[name]-[hash].js",
  codeSplitting: { groups: [{ name: part }], includeDependenciesRecursively: false },
});

const named = (name) => output.find((file) => file.name === name).fileName;
// The program asks for this one, which leads to its part in a file above.
const leading = (start) => output.find((file) => file.facadeModuleId === start).fileName;
const replaced = output.flatMap((file) => file.moduleIds ?? []).filter((id) => fs.existsSync(id));
const bundle = {
  page: [named("program"), named("page")],
  editor: [named("notebook"), named("editor"), leading(STARTS[1])],
  app: [named("notebook"), leading(STARTS[2])],
  replaced: replaced.map((id) => path.basename(id)).sort(),
};
fs.writeFileSync(path.join(STATIC, "bundle.json"), `${JSON.stringify(bundle)}\n`);

console.log(`bundle: ${replaced.length} files became ${output.length}`);
for (const name of ["page", "editor", "app"]) {
  const bytes = bundle[name].reduce((sum, file) => sum + fs.statSync(path.join(ASSETS, file)).size, 0);
  console.log(`bundle: ${name}, ${Math.round(bytes / 1000)} kB`);
}
