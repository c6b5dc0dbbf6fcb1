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
const page = fs.readFileSync(path.join(STATIC, "index.html"), "utf8");
const [, entry] = /<script type="module"[^>]* src="\.\/assets\/(index-[\w-]+\.js)"/.exec(page);
const named = (beginning) => {
  const found = fs.readdirSync(ASSETS).filter((name) => name.startsWith(beginning) && name.endsWith(".js"));
  if (found.length !== 1) throw new Error(`${found.length} files begin with ${beginning}: is this another marimo?`);
  return path.join(ASSETS, found[0]);
};

/** Return the ids of a module and of all that it imports, and these in turn. */
function closure(id, modules, found = new Set()) {
  if (found.has(id)) return found;
  found.add(id);
  for (const imported of modules.getModuleInfo(id)?.importedIds ?? []) closure(imported, modules, found);
  return found;
}

// What one page needs is a file, and what two pages need is another: no file imports one above it.
let kinds;
function kind(id, modules) {
  if (!kinds) {
    const every = closure(path.join(ASSETS, entry), modules);
    const [editor, app] = ["edit-page-", "run-page-"].map((name) => closure(named(name), modules));
    kinds = (id) => every.has(id) ? "page" : editor.has(id) ? (app.has(id) ? "notebook" : "editor") : null;
  }
  return kinds(id);
}

// The program itself asks for scripts ahead, by marimo's names. Styles keep theirs.
const stylesOnly = {
  name: "styles-only",
  transform(code, id) {
    if (!/preload-helper-[\w-]+\.js$/.test(id)) return null;
    const before = "if(r&&r.length>0)";
    if (code.split(before).length !== 2) throw new Error(`${id}: is this another marimo?`);
    return code.replace(before, "if(r=r?.filter(e=>e.endsWith(`.css`)),r&&r.length>0)");
  },
};

const build = await rolldown({
  input: { program: path.join(ASSETS, entry) },
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
  codeSplitting: { groups: [{ name: kind }], includeDependenciesRecursively: false },
});
const made = (name) => output.find((file) => file.name === name).fileName;
// The program asks for this one, which leads to its part in a file above.
const led = (name) => output.find((file) => file.facadeModuleId === named(name)).fileName;
const bundle = {
  page: [made("program"), made("page")],
  editor: [made("notebook"), made("editor"), led("edit-page-")],
  app: [made("notebook"), led("run-page-")],
  replaced: output.flatMap((file) => file.moduleIds ?? []).filter((id) => fs.existsSync(id)).map((id) => path.basename(id)).sort(),
};
fs.writeFileSync(path.join(STATIC, "bundle.json"), `${JSON.stringify(bundle)}\n`);
const size = (names) => Math.round(names.reduce((sum, name) => sum + fs.statSync(path.join(ASSETS, name)).size, 0) / 1000);
console.log(`bundle: ${bundle.replaced.length} files became ${output.length}`);
for (const name of ["page", "editor", "app"]) console.log(`bundle: ${name}, ${size(bundle[name])} kB`);
