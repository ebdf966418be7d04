/** All folders that tests make for themselves lie in one, which goes when the run ends; what a killed run left is easily told. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "weak-teacher-tests-"));
  process.env["TMPDIR"] = folder; // read by `tmpdir()` in workers and in the processes they start
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
