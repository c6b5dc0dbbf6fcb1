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
function closure(id, modules, found = new Set(), entered = new Set()) {
  if (entered.has(id)) return found;
  entered.add(id);
  for (const imported of modules.getModuleInfo(id)?.importedIds ?? []) closure(imported, modules, found, entered);
  return found.add(id);
}

// What every page needs, what both kinds need and what editors need are files of their own: none imports
// one of a later kind. Each kind is a few files: what came whole while people read Home is kept.
const STARTS = [path.join(ASSETS, program), script("edit-page-"), script("run-page-")];
const PIECE = 400_000; // characters before they are made small
let parts;
function part(id, modules) {
  if (!parts) {
    const [everywhere, inEditors, inApps] = STARTS.map((start) => closure(start, modules));
    const sizes = { page: 0, notebook: 0, editor: 0 };
    parts = new Map();
    for (const needed of new Set([...everywhere, ...inEditors])) {
      const kind = everywhere.has(needed) ? "page" : inApps.has(needed) ? "notebook" : "editor";
      sizes[kind] += modules.getModuleInfo(needed)?.code?.length ?? 0;
      parts.set(needed, `${kind}-${Math.ceil(sizes[kind] / PIECE)}`);
    }
  }
  return parts.get(id) ?? null;
}

/** Return a module's code with another text in place of the only one that is like this. */
function changed(code, id, before, after) {
  if (code.split(before).length !== 2) throw new Error(`${id} is not as expected: ${ANOTHER}`);
  return code.replace(before, () => after);
}

// The program itself asks for scripts ahead, by marimo's names. Styles keep theirs.
const stylesOnly = {
  name: "styles-only",
  transform(code, id) {
    if (!/preload-helper-[\w-]+\.js$/.test(id)) return null;
    return changed(code, id, "if(r&&r.length>0)", "if(r=r?.filter(e=>e.endsWith(`.css`)),r&&r.length>0)");
  },
};

// WORKAROUND(marimo 0.25.2): every editor waits for 3 MB of WebAssembly, which only those need who edit
// together (`rtc_v2`, off unless somebody turns it on).
// Test: test_the_program_for_editing_together_comes_for_those_who_turn_that_on
// marimo, too, looks once for each page whether that is on.
const TOGETHER = "!!(c=>c?.configOverrides?.experimental?.rtc_v2??c?.config?.experimental?.rtc_v2)"
  + "(globalThis.__MARIMO_MOUNT_CONFIG__)";
let guarded = 0; // modules
const togetherIfWanted = {
  name: "together-if-wanted",
  transform(code, id) {
    const [awaited] = /\}=await [\w$]+\(\{"\.\/loro_wasm_bg\.js":/.exec(code) ?? [];
    if (awaited) {
      guarded += 1;
      return changed(code, id, awaited, awaited.replace("await", `${TOGETHER}&&await`));
    }
    const [start, doc, newDoc, people, newPeople] =
      /([\w$]+)=(new [\w$]+),([\w$]+)=(new [\w$]+\(\1\.peerIdStr\))/.exec(code) ?? [];
    if (!start) return null;
    guarded += 1;
    const [begin] = /if\(([\w$]+)&&\1\.__wbindgen_start\)/.exec(code) ?? [];
    return [
      [begin, `if(!${TOGETHER});else ${begin}`],
      [start, `${doc}=${TOGETHER}&&${newDoc},${people}=${doc}&&${newPeople}`],
      [`${doc}.subscribeLocalUpdates(`, `${doc}&&${doc}.subscribeLocalUpdates(`],
      [`}),${people}.addListener(`, `}),${people}&&${people}.addListener(`],
    ].reduce((ours, [before, after]) => changed(ours, id, before, after), code);
  },
};

const build = await rolldown({
  input: { program: STARTS[0] },
  plugins: [stylesOnly, togetherIfWanted],
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

if (guarded !== 2) throw new Error(`WebAssembly is waited for elsewhere: ${ANOTHER}`);

const named = (name) => output.find((file) => file.name === name).fileName;
const pieces = (kind) => [...new Set(parts.values())].filter((name) => name.startsWith(kind)).map(named);
// The program asks for this one, which leads to its part in a file above.
const leading = (start) => output.find((file) => file.facadeModuleId === start).fileName;
const replaced = output.flatMap((file) => file.moduleIds ?? []).filter((id) => fs.existsSync(id));
const bundle = {
  page: [named("program"), ...pieces("page")],
  editor: [...pieces("notebook"), ...pieces("editor"), leading(STARTS[1])],
  app: [...pieces("notebook"), leading(STARTS[2])],
  replaced: replaced.map((id) => path.basename(id)).sort(),
};
fs.writeFileSync(path.join(STATIC, "bundle.json"), `${JSON.stringify(bundle)}\n`);

console.log(`bundle: ${replaced.length} files became ${output.length}`);
for (const name of ["page", "editor", "app"]) {
  const bytes = bundle[name].reduce((sum, file) => sum + fs.statSync(path.join(ASSETS, file)).size, 0);
  console.log(`bundle: ${name}, ${Math.round(bytes / 1000)} kB`);
}
