/**
 * The Python that interop tests run real tools with: WEAK_TEACHER_PYTHON, or what `scripts/python-env.sh` has made. Tests skip visibly
 * where there is none; the product itself needs no Python.
 */
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const script = fileURLToPath(new URL("../../scripts/python-env.sh", import.meta.url));

/** Path of the interpreter that has the trainers, or undefined. */
export const python: string | undefined = process.env.WEAK_TEACHER_PYTHON || findPython([]);

/** Path of the interpreter that has the trackers (wandb, MLflow, TensorBoard), or undefined. */
export const trackersPython: string | undefined = findPython(["trackers"]);

/** Path of the interpreter of an environment of scripts/python-env.sh, or undefined where it was not made. */
export function findPython(which: readonly string[]): string | undefined {
  const found = spawnSync("bash", [script, "--where", ...which], { encoding: "utf8" });
  return found.status === 0 ? found.stdout.trim() : undefined;
}

/** Runs a script of this folder with the hub out of reach. @returns what it wrote to standard output */
export function runPython(name: string, args: readonly string[] = [], input = ""): string {
  const file = fileURLToPath(new URL(name, import.meta.url));
  return execFileSync(python!, [file, ...args], {
    input,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    env: { ...process.env, HF_HUB_OFFLINE: "1", TOKENIZERS_PARALLELISM: "false" },
    stdio: ["pipe", "pipe", "inherit"],
  });
}

/** As `runPython`, for scripts that take long: the test runner stays alive meanwhile. */
export async function runPythonLong(name: string, args: readonly string[]): Promise<string> {
  const file = fileURLToPath(new URL(name, import.meta.url));
  const env = { ...process.env, HF_HUB_OFFLINE: "1", TOKENIZERS_PARALLELISM: "false" };
  return (await promisify(execFile)(python!, [file, ...args], { env, maxBuffer: 2 ** 26 })).stdout;
}
