/** Processes of the same command that take part of its work. They end with the one that started them, however that ends. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join, relative } from "node:path";
import type { Log } from "../../base/core/log.ts";
import type { Helpers } from "../../pipeline/run/in-turn.ts";

/** Flag that tells a process it is a helper; not shown in the help. */
export const HELPER_FLAG = "--as-helper";

/**
 * Starts this process's own command again, `count` times, as helpers; the command knows `--jobs` and the flag above. What each says goes
 * to `helper-N.log` in `folder`, which must be there. One that ends early is told and not replaced: its work is left to the others.
 */
export function startHelpers(count: number, folder: string, log: Log): Helpers {
  let stopping = false;
  const tell = (why: string) => {
    if (!stopping) log.warn(`a helper ended early (${why}), the others go on.`);
  };
  const helpers = Array.from({ length: count }, (_, i) =>
    startHelper(join(folder, `helper-${i + 1}.log`), count + 1, tell),
  );
  return {
    stop: async () => {
      stopping = true;
      for (const { child } of helpers) child.kill("SIGTERM");
      await Promise.all(helpers.map(({ ended }) => ended));
    },
  };
}

function startHelper(
  file: string,
  jobs: number,
  tell: (why: string) => void,
): { child: ChildProcess; ended: Promise<void> } {
  const out = openSync(file, "w");
  const args = [...process.execArgv, ...process.argv.slice(1), "--jobs", `${jobs}`, HELPER_FLAG];
  // Nothing is ever written to its input, which ends with this process (`endWithParent`).
  const child = spawn(process.execPath, args, { stdio: ["pipe", out, out] });
  closeSync(out);
  const ended = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("exit", (code, signal) => {
      if (code !== 0)
        tell(`${code === null ? signal : `exit code ${code}`}; see ${relative(process.cwd(), file)}`);
      resolve();
    });
  });
  return { child, ended };
}

/** In a helper: stops as at Ctrl-C when the process that started it is gone. */
export function endWithParent(): void {
  process.stdin.once("end", () => process.kill(process.pid, "SIGTERM"));
  process.stdin.resume();
  // An open input alone keeps no process alive.
  (process.stdin as NodeJS.ReadStream & { unref?: () => void }).unref?.();
}
