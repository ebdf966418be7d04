/** Processes that a command started, looked at in `/proc` by way of `ps`, so that a test can kill one of them. */
import { execFileSync } from "node:child_process";

/** A process below another. */
export type Below = { readonly pid: number; readonly command: string };

/** All that a process started, and what these started, nearest first. */
export function processesBelow(root: number): Below[] {
  const listed = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8", maxBuffer: 2 ** 26 });
  const rows = listed.split("\n").flatMap((line) => {
    const found = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line);
    return found ? [{ pid: Number(found[1]), parent: Number(found[2]), command: found[3]! }] : [];
  });
  const found: Below[] = [];
  const known = new Set([root]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const { pid, parent, command } of rows)
      if (known.has(parent) && !known.has(pid)) {
        known.add(pid);
        found.push({ pid, command });
        grew = true;
      }
  }
  return found;
}
