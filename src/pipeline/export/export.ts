/** Exports a run or labels to another trainer: rows in its format, its config, a card and a manifest, in one folder. */
import { join } from "node:path";
import { sha256 } from "../../base/core/digest.ts";
import { ConfigError } from "../../base/core/errors.ts";
import { exists, writeDirAtomic, writeFileAtomic, writeJsonAtomic } from "../../base/core/files.ts";
import type { ExportRow, ExportTool, ToolInput, ToolOutput } from "../elsewhere/request.ts";
import { fileBytes } from "../elsewhere/rows.ts";
import { writeTrl } from "../elsewhere/trl.ts";
import { writeAxolotl } from "./axolotl.ts";
import { exportCard } from "./card.ts";
import { writeLlamaFactory } from "./llama-factory.ts";
import { writeOpenRlhf } from "./openrlhf.ts";
import { type ExportSource, openSource, type SourceOptions } from "./source.ts";
import { type Weighed, type WeightsRule, weigh } from "./weigh.ts";

/** What to export and where to. */
export type ExportRequest = SourceOptions & {
  readonly tool: ExportTool;
  readonly out: string;
  /** Default: `none` where the tool's trainer uses weights or the loss has none, else `resample`. */
  readonly weights?: "filter" | "resample" | "none" | undefined;
  readonly minConfidence?: number | undefined;
  /** Rows to keep or draw; below 1 a share of them. */
  readonly budget?: number | undefined;
  readonly gpus: number;
  readonly license?: string | undefined;
};

/** What was written. */
export type ExportOutcome = {
  readonly folder: string;
  readonly tool: ExportTool;
  readonly arm: string | undefined;
  readonly rows: number;
  readonly weights: string;
  readonly commands: readonly string[];
  readonly notCarried: readonly string[];
  readonly notes: readonly string[];
  /** Name to bytes and SHA-256. */
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
};

/** Name of the manifest; a folder with one may be written over. */
export const EXPORT_MANIFEST = "export.json";

const WRITERS: Readonly<Record<ExportTool, (input: ToolInput) => ToolOutput>> = {
  trl: writeTrl,
  "llama-factory": writeLlamaFactory,
  axolotl: writeAxolotl,
  openrlhf: writeOpenRlhf,
};

/**
 * Writes an export; it appears whole or not at all.
 * @throws ConfigError for a loss that the tool lacks, options without effect, or a folder that is something else
 */
export async function exportRun(folder: string, request: ExportRequest): Promise<ExportOutcome> {
  const { tool, out, gpus } = request;
  if ((await exists(out)) && !(await exists(join(out, EXPORT_MANIFEST))))
    throw new ConfigError(`--out ${out}: is there and is no export. Choose another folder, or remove it.`);
  const source = await openSource(folder, request);
  if (source.rows.length === 0) throw new ConfigError(`${folder}: has no rows to export.`);
  const rule = ruleOf(request, source);
  const weighed = weigh(source.rows, rule);
  const output = WRITERS[tool]({
    rows: weighed.rows,
    sftRows: rule.kind === "filter" ? sftRowsLeft(source, weighed) : (source.sftRows ?? []),
    student: source.student,
    gpus,
    weightsDone: rule.kind !== "none",
  });
  const filtered = rule.kind === "filter" && source.student.loss?.weighted === true;
  const carried: ToolOutput = {
    ...output,
    notCarried: [
      ...(gpus > 0 ? ["precision: float32 here, bf16 there, which GPUs before Ampere do not have"] : []),
      ...output.notCarried,
      ...(filtered ? ["loss.weighted: rows were filtered; those that are left count the same"] : []),
      ...(source.student.sftLora && source.student.sft
        ? ["student.sft.lora: fine-tuning there trains all weights, for its adapters would have to be merged"]
        : []),
    ],
  };
  const files = await writeFiles(request, source, weighed, carried);
  return {
    folder: out,
    tool,
    arm: source.origin.arm,
    rows: weighed.rows.length,
    weights: weighed.said,
    commands: carried.commands,
    notCarried: carried.notCarried,
    notes: carried.notes,
    files,
  };
}

/** Pairs that a filter left out are left out of the fine-tuning too; rows drawn by weight are for the weighted loss only. */
function sftRowsLeft({ rows, sftRows = [] }: ExportSource, weighed: Weighed): readonly ExportRow[] {
  const [all, kept] = [rows, weighed.rows].map((list) => new Set(list.map(({ id }) => id)));
  return sftRows.filter(({ id }) => kept!.has(id) || !all!.has(id));
}

function ruleOf(
  { tool, weights, minConfidence, budget }: ExportRequest,
  { student }: ExportSource,
): WeightsRule {
  const weighted = student.loss?.weighted === true;
  const kind = weights ?? (weighted && tool !== "trl" ? "resample" : "none");
  const issues = [
    ...(minConfidence !== undefined && kind !== "filter"
      ? [`--min-confidence: has no effect with --weights ${kind}. Use --weights filter.`]
      : []),
    ...(budget !== undefined && kind === "none"
      ? ["--budget: has no effect with --weights none. Use --weights filter or resample."]
      : []),
  ];
  if (issues.length > 0) throw new ConfigError(issues);
  switch (kind) {
    case "none":
      return { kind };
    case "filter":
      return { kind, minConfidence, budget };
    case "resample":
      return { kind, budget, seed: student.seed };
    default:
      return kind satisfies never;
  }
}

async function writeFiles(
  request: ExportRequest,
  source: ExportSource,
  weighed: Weighed,
  output: ToolOutput,
): Promise<ExportOutcome["files"]> {
  const { tool, out, license, code: version } = request;
  const readme = { path: "README.md", text: exportCard({ tool, source, weighed, output, license, version }) };
  const files: Record<string, { bytes: number; sha256: string }> = {};
  await writeDirAtomic(out, async (folder) => {
    for (const file of [...output.files, readme]) {
      const bytes = fileBytes(file);
      await writeFileAtomic(join(folder, file.path), bytes);
      files[file.path] = { bytes: bytes.length, sha256: sha256(bytes) };
    }
    await writeJsonAtomic(join(folder, EXPORT_MANIFEST), {
      format: 1,
      version,
      tool,
      source: source.origin,
      settings: source.student,
      rows: weighed.rows.length,
      sourceRows: source.rows.length,
      weights: weighed.said,
      notCarriedOver: output.notCarried,
      notes: output.notes,
      commands: output.commands,
      files,
    });
  });
  return files;
}
