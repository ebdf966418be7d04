/** Which commit the code is of. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The commit this code was checked out at, where it runs from a checkout. */
export function sourceCommit(): string | undefined {
  const cwd = fileURLToPath(new URL(".", import.meta.url));
  if (cwd.includes("node_modules")) return undefined;
  const { stdout, status } = spawnSync("git", ["rev-parse", "--short=12", "HEAD"], { cwd, encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}
