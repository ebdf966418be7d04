/** Runs the real command in a process of its own, from source. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../src/interfaces/cli/main.ts", import.meta.url));

/** What came of a command. */
export type Outcome = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** Node's arguments that run the command from source. */
export const nodeArguments = ["--import", import.meta.resolve("tsx"), MAIN];

/** Runs `weak-teacher …args`; colours are off unless `env` says otherwise. */
export function weakTeacher(
  args: readonly string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): Promise<Outcome> {
  const { FORCE_COLOR: _, ...inherited } = process.env;
  const child = spawn(process.execPath, [...nodeArguments, ...args], {
    cwd: options.cwd,
    env: { ...inherited, NO_COLOR: "1", ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => (stdout += part));
  child.stderr.setEncoding("utf8").on("data", (part: string) => (stderr += part));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}
