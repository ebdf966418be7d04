/** Runs or plans an audit in a folder: stages, then the suspects, the figures and the report beside them. */
import { copyFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { defaultThreads } from "../../../engine/runtime/device.ts";
import { type ReportFiles, writeReport } from "../../../report/render.ts";
import { type DepsOptions, withDeps } from "../../stages/open-deps.ts";
import type { StageStep } from "../../stages/steps.ts";
import { AUDIT_FILES, type AuditFacts, readAuditFacts, readSuspects, type SuspectRow } from "./judge.ts";
import { auditReport } from "./report.ts";
import type { AuditRequest } from "./settings.ts";
import { runAuditStages } from "./stages.ts";

/** What came of an audit; a plan has steps only. */
export type AuditOutcome = {
  readonly folder: string;
  readonly steps: readonly StageStep[];
  readonly found:
    | { readonly facts: AuditFacts; readonly suspects: readonly SuspectRow[]; readonly report: ReportFiles }
    | undefined;
};

/** Runs an audit, going on from what is kept of earlier attempts in the folder. @throws as its stages do */
export async function runAudit(request: AuditRequest, options: DepsOptions): Promise<AuditOutcome> {
  const folder = resolve(options.folder);
  const { result, steps } = await withDeps({ ...options, folder }, (deps) => runAuditStages(deps, request));
  if (options.mode === "plan") return { folder, steps, found: undefined };
  const { judged } = result;
  for (const name of Object.values(AUDIT_FILES)) await copyFile(judged.path(name), join(folder, name));
  const { code: version, device = "cpu", threads = defaultThreads() } = options;
  const data = await auditReport(request, result, { folder, version, device, threads, steps });
  const report = await writeReport(folder, data);
  return {
    folder,
    steps,
    found: { facts: await readAuditFacts(judged), suspects: await readSuspects(judged), report },
  };
}
