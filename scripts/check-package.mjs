/**
 * The package as a stranger gets it: packed, checked by publint, installed from its tarball into an empty folder that has no
 * `.npmrc`, on each version of Node that is promised, and used there: doctor, every subpath, the TypeScript programs of docs/examples (compiled there, with
 * the package's types in full; on stories15M, which comes as a package: two responses are scored, a teacher trained and a pool labelled, a model served), and the
 * demo made small.
 * Needs an npm registry (Node and npm of other versions are packages, too); asks no other address. Takes a quarter of an hour on two cores.
 *
 *   node scripts/check-package.mjs [--node 20,22,24]
 */
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("../", import.meta.url));
const { values: flags } = parseArgs({ options: { node: { type: "string", default: "20,22,24" } } });

/** The npm that came with a Node, and for the newest Node the one after it, which runs no installers. */
const NPM_OF = { 20: ["10"], 22: ["10"], 24: ["11", "12"] };

/** Files that a package may hold at its top. */
const TOP = ["package.json", "README.md", "CHANGELOG.md", "LICENSE", "dist", "recipes", "assets"];

/** Settings that make the demo a matter of a minute. */
const SMALL_DEMO = [
  "data.world.pairs_per_prompt=1",
  "data.world.max_new_tokens=8",
  "eval.max_new_tokens=8",
  "eval.per_prompt=1",
  "arms=[weak]",
].flatMap((setting) => ["--set", setting]);

let problems = 0;
const report = (ok, what, detail = "") => {
  if (!ok) problems++;
  console.log(`${ok ? "ok " : "BAD"} ${what}${ok || detail === "" ? "" : `\n${detail.trim().slice(-2000)}`}`);
};

/** Environment of a stranger: nothing of the npm that may have started this script. */
function strangerEnv(extra) {
  const own = /^(npm_|ONNXRUNTIME_NODE_INSTALL|INIT_CWD$)/i;
  return { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name))), ...extra };
}

function command(file, args, { cwd, env = strangerEnv() }) {
  const options = { cwd, env, maxBuffer: 2 ** 26 };
  return new Promise((resolve) =>
    execFile(file, args, options, (error, stdout, stderr) => resolve({ ok: error === null, stdout, stderr })),
  );
}

/** Packs as `npm publish` would and lists what came out. */
async function pack(scratch) {
  const { ok, stdout, stderr } = await command("npm", ["pack", "--pack-destination", scratch], { cwd: root });
  report(ok, "npm pack", stderr);
  const tarball = join(scratch, stdout.trim().split("\n").at(-1));
  const list = await command("tar", ["tzf", tarball], { cwd: scratch });
  const files = list.stdout.trim().split("\n");
  return { tarball, files: files.map((name) => name.replace(/^package\//, "")) };
}

/** Every string of a nested object. */
const leaves = (value) => (typeof value === "string" ? [value] : Object.values(value).flatMap(leaves));

async function checkContents({ tarball, files }, manifest) {
  const strange = files.filter((name) => !TOP.includes(name.split("/")[0]));
  report(strange.length === 0, "nothing at the top that is not named", strange.join("\n"));
  const unwanted = files.filter((name) => /\.map$|\.test\.|\.tsbuildinfo$|(?<!\.d)\.ts$/.test(name));
  report(unwanted.length === 0, "no source maps, tests or sources", unwanted.join("\n"));
  const targets = leaves([manifest.bin, manifest.exports]).map((target) => target.replace(/^\.\//, ""));
  const absent = targets.filter((target) => !files.includes(target));
  report(absent.length === 0, `all ${targets.length} files that bin and exports name`, absent.join("\n"));
  const publint = join(root, "node_modules/publint/src/cli.js");
  const { ok, stdout, stderr } = await command(process.execPath, [publint, "run", tarball, "--strict"], {
    cwd: root,
  });
  report(ok, "publint", stdout + stderr);
}

/** Where a Node and an npm lie, both fetched as packages unless they are this process' own. */
async function toolchain(node, npm, cwd) {
  const args = ["-y", "-p", `node@${node}`, "-p", `npm@${npm}`, "-c", "command -v node"];
  const { ok, stdout, stderr } = await command("npx", args, { cwd });
  if (!ok) throw new Error(`node ${node} with npm ${npm} cannot be had from the registry: ${stderr}`);
  return dirname(stdout.trim());
}

/** Opens the studio, enters by its address, and gets the page, its script and what it first asks for. */
const STUDIO = `import("weak-teacher").then(async ({ studio }) => {
  const { url, close } = await studio({ folders: ["."], port: 0 });
  const { origin } = new URL(url);
  const entered = await fetch(url, { redirect: "manual" });
  const headers = { cookie: entered.headers.get("set-cookie").split(";")[0] };
  const page = await (await fetch(origin, { headers })).text();
  const [, script] = /src="([^"]+[.]js)"/.exec(page);
  for (const path of [script, "/api/studio"]) {
    const reply = await fetch(origin + path, { headers });
    if (!reply.ok) throw new Error(path + ": " + reply.status);
  }
  await close();
})`;

/** Installs the tarball in an empty folder and uses it. */
async function checkInstall({ tarball, scratch, node, npm, subpaths }) {
  const name = `node ${node}, npm ${npm}`;
  const folder = join(scratch, `node-${node}-npm-${npm}`);
  await mkdir(folder);
  const bin = await toolchain(node, npm, folder);
  const env = strangerEnv({ PATH: `${bin}:${process.env.PATH}`, XDG_CACHE_HOME: join(scratch, "cache") });
  const use = async (what, file, args) => {
    const outcome = await command(file, args, { cwd: folder, env });
    report(outcome.ok, `${name}: ${what}`, outcome.stdout + outcome.stderr);
    return outcome;
  };
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "stranger", private: true }));
  await use("npm install", "npm", ["install", "--no-audit", "--no-fund", tarball]);
  await use("doctor --fetch", "npx", ["weak-teacher", "doctor", "--fetch"]);
  for (const subpath of subpaths) await use(`import ${subpath}`, "node", ["-e", `import("${subpath}")`]);
  const inner = await command("node", ["-e", 'import("weak-teacher/dist/index.js")'], { cwd: folder, env });
  report(
    /ERR_PACKAGE_PATH_NOT_EXPORTED/.test(inner.stderr),
    `${name}: what is not exported stays closed`,
    inner.stderr,
  );
  await use("the studio opens its page", "node", ["-e", STUDIO]);
  await checkPrograms({ folder, subpaths, name, use });
  await use("demo, made small", "npx", ["weak-teacher", "demo", "--quiet", ...SMALL_DEMO]);
}

/** The programs of docs/examples, and one that names every subpath: compiled with the libraries' types in full, then run on the model of the demo. */
async function checkPrograms({ folder, subpaths, name, use }) {
  const examples = await readdir(join(root, "docs/examples"));
  for (const file of examples) await copyFile(join(root, "docs/examples", file), join(folder, file));
  const lines = subpaths.map((subpath, i) => `import * as part${i} from "${subpath}";\nvoid part${i};`);
  await writeFile(join(folder, "subpaths.mts"), lines.join("\n"));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const typeRoots = ["--typeRoots", join(root, "node_modules/@types"), "--types", "node"];
  const how = [
    "--strict",
    "--noUncheckedIndexedAccess",
    "--module",
    "nodenext",
    "--target",
    "es2023",
    "--skipLibCheck",
    "false",
  ];
  const sources = [...examples, "subpaths.mts"];
  const { ok, stdout } = await command(process.execPath, [tsc, ...how, ...typeRoots, ...sources], {
    cwd: folder,
  });
  report(ok, `${name}: types of ${sources.join(", ")}`, stdout);
  await use("import stories15M", "npx", ["weak-teacher", "import", "stories15M", "--out", "models/small"]);
  for (const [file, from, to] of [
    ["labelled.jsonl", 0, 8],
    ["held-out.jsonl", 8, 24],
    ["pool.jsonl", 24, 32],
  ])
    await writeFile(join(folder, file), pairs(from, to));
  await use("subpaths.mts", "node", ["subpaths.mjs"]);
  for (const file of examples) {
    const said = await use(file, "node", [file.replace(".mts", ".mjs")]);
    if (said.ok) console.log(`   ${said.stdout.trim()}`);
  }
}

/** Rows of preferences, made up. */
function pairs(from, to) {
  const endings = [" They all laughed and went home.", " The rain fell and nobody came."];
  const rows = Array.from({ length: to - from }, (_, i) => ({
    prompt: `One day ${from + i} friends met.`,
    chosen: endings[0],
    rejected: endings[1],
  }));
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}

const scratch = await mkdtemp(join(tmpdir(), "weak-teacher-package-"));
try {
  const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const subpaths = Object.keys(manifest.exports)
    .filter((name) => !name.endsWith(".json"))
    .map((name) => name.replace(/^\./, "weak-teacher"));
  const packed = await pack(scratch);
  await checkContents(packed, manifest);
  for (const node of flags.node.split(","))
    for (const npm of NPM_OF[node]) await checkInstall({ ...packed, scratch, node, npm, subpaths });
} finally {
  await rm(scratch, { recursive: true, force: true });
}
console.log(problems === 0 ? "check-package: all well" : `check-package: ${problems} problems`);
process.exitCode = problems === 0 ? 0 : 1;
