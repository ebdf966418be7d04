/** What went wrong with a stage, in a file beside its work folder: for `status`, which may be asked by somebody else. */
import { rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { AlignError, InterruptedError, messageOf } from "../../base/core/errors.ts";
import { readJson, writeJsonAtomic } from "../../base/core/files.ts";
import { folderName, type Identity, keyOf } from "./stage.ts";

const failureSchema = z.object({
  stage: z.string(),
  key: z.string(),
  /** Kind of the error, as `AlignError.code`; "internal" for a fault of this program. */
  code: z.string(),
  message: z.string(),
  /** ISO date. */
  at: z.string(),
  host: z.string(),
  pid: z.number(),
});

/** The last failure of a stage that nobody has finished since. */
export type Failure = z.output<typeof failureSchema>;

/** Front of the names of these files. */
export const FAILED = ".failed-";

const failurePath = (folder: string, identity: Identity) =>
  join(folder, `${FAILED}${folderName(identity.name, keyOf(identity))}.json`);

/** Writes what went wrong. An interruption is no failure; a disk that takes nothing more does not take this either. */
export async function recordFailure(folder: string, identity: Identity, error: unknown): Promise<void> {
  if (error instanceof InterruptedError) return;
  const failure: Failure = {
    stage: identity.name,
    key: keyOf(identity),
    code: error instanceof AlignError ? error.code : "internal",
    message: messageOf(error),
    at: new Date().toISOString(),
    host: hostname(),
    pid: process.pid,
  };
  await writeJsonAtomic(failurePath(folder, identity), failure).catch(() => {});
}

/** Forgets a failure: the stage is tried again, or done. */
export async function clearFailure(folder: string, identity: Identity): Promise<void> {
  await rm(failurePath(folder, identity), { force: true }).catch(() => {});
}

/** Reads a failure; undefined when it was forgotten meanwhile. */
export async function readFailure(file: string): Promise<Failure | undefined> {
  const parsed = failureSchema.safeParse(await readJson(file).catch(() => undefined));
  return parsed.success ? parsed.data : undefined;
}
