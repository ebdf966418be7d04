/**
 * Loaded with `--import` before a program: counts its operations on files that change something, and kills the process with SIGKILL at one.
 *   KILL_AT    number of the operation, from 1; a write is done by half first. 0 or absent: none
 *   KILL_LOG   a file that the number of operations is written to when the program ends
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";

const at = Number(process.env.KILL_AT ?? 0);
let count = 0;

/** Counts one operation. `half` does a part of it where it is the last. */
function counted(half) {
  count++;
  if (count !== at) return undefined;
  return Promise.resolve(half?.()).then(() => {
    process.kill(process.pid, "SIGKILL");
    return new Promise(() => {});
  });
}

const halfOf = (data) =>
  typeof data === "string" || data instanceof Uint8Array ? data.slice(0, data.length >> 1) : undefined;

if (isMainThread) {
  const { promises } = fs;
  for (const name of [
    "rename",
    "link",
    "rm",
    "unlink",
    "rmdir",
    "mkdir",
    "symlink",
    "copyFile",
    "truncate",
  ]) {
    const real = promises[name];
    promises[name] = async (...args) => {
      await counted();
      return real.apply(promises, args);
    };
  }
  for (const name of ["writeFile", "appendFile"]) {
    const real = promises[name];
    promises[name] = async (path, data, ...rest) => {
      const part = halfOf(data);
      await counted(() => part !== undefined && real.call(promises, path, part, ...rest));
      return real.call(promises, path, data, ...rest);
    };
  }
  const open = promises.open;
  let patched = false;
  promises.open = async (path, flags, ...rest) => {
    const changes = typeof flags === "string" && /[wa+]/.test(flags);
    if (changes) await counted();
    const handle = await open.call(promises, path, flags, ...rest);
    if (!patched) {
      patched = true;
      const prototype = Object.getPrototypeOf(handle);
      for (const name of ["writeFile", "write", "sync", "truncate"]) {
        const real = prototype[name];
        prototype[name] = async function (...args) {
          const part = name.startsWith("write") ? halfOf(args[0]) : undefined;
          await counted(() => part !== undefined && real.call(this, part));
          return real.apply(this, args);
        };
      }
    }
    return handle;
  };
  syncBuiltinESMExports();
  if (process.env.KILL_LOG) process.on("exit", () => fs.writeFileSync(process.env.KILL_LOG, String(count)));
}
