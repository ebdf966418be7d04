/** Fetches packages that are missing, with the user's own npm: its registry, proxy and keys are theirs. */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AlignError } from "./errors.ts";
import { exists } from "./files.ts";
import type { Log } from "./log.ts";
import { fetchedFolder, findPackage, type OptionalPackage, testedVersion } from "./packages.ts";

/**
 * Installs those of the packages that are missing, without running any installer of theirs.
 * @returns the packages that were fetched
 * @throws AlignError "network" when npm cannot be started or fails, with the end of what it said
 */
export async function fetchPackages(names: readonly OptionalPackage[], log: Log): Promise<OptionalPackage[]> {
  const missing = names.filter((name) => findPackage(name) === undefined);
  for (const name of missing) {
    log.info(
      `fetching ${name}@${testedVersion(name)} from the npm registry, once, to ${fetchedFolder(name)}`,
    );
    await fetchPackage(name);
  }
  return missing;
}

/** Installed beside its place and then moved there: a download that was cut off is never taken for a package. */
async function fetchPackage(name: OptionalPackage): Promise<void> {
  const place = fetchedFolder(name);
  await mkdir(dirname(place), { recursive: true });
  const partial = await mkdtemp(`${place}.partial-`);
  try {
    await npm(["install", "--prefix", partial, ...QUIETLY, `${name}@${testedVersion(name)}`]);
    await rename(partial, place).catch(async (error) => {
      // Another process may have been first: what it put there is the same.
      if (!(await exists(join(place, "node_modules", name)))) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

const QUIETLY = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"];

/** Characters of npm's last words that are worth showing. */
const LAST_WORDS = 600;

function npm(args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (reason: string) => {
      const advice =
        "Check that npm reaches its registry (npm ping), or install the package in your own project.";
      reject(new AlignError("network", `npm ${args.at(-1)}: ${reason}. ${advice}`));
    };
    // On Windows npm is a script of the shell's.
    const child = spawn("npm", args, { shell: process.platform === "win32" });
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => {
        said = `${said}${chunk}`.slice(-LAST_WORDS);
      });
    child.on("error", (error) => failed(error.message));
    child.on("close", (code) => (code === 0 ? resolve() : failed(`ended with ${code}: ${said.trim()}`)));
  });
}
