/** A Python with torch, transformers and PEFT, for tests against these tools: named by WEAK_TEACHER_PYTHON; such tests skip visibly without it. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The interpreter, where there is one. */
export const PYTHON = process.env["WEAK_TEACHER_PYTHON"];

/** Runs a script of `test/python` with arguments. */
export async function runPython(script: string, args: readonly string[]): Promise<string> {
  const file = fileURLToPath(new URL(`../python/${script}`, import.meta.url));
  const env = { ...process.env, HF_HUB_OFFLINE: "1" };
  return (await promisify(execFile)(PYTHON!, [file, ...args], { env, maxBuffer: 2 ** 26 })).stdout;
}
