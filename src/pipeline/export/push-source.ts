/** What of a folder goes to a hub: labels or a model, the files by name, and what is known of how they were made. */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { ConfigError } from "../../base/core/errors.ts";
import { exists, readText } from "../../base/core/files.ts";
import { modelPath } from "../../base/core/model-path.ts";
import { parseDocumentText } from "../../base/settings/document.ts";
import { intervalSchema } from "../../base/stats/check.ts";
import { agreementShareSchema } from "../../base/stats/clustered-share.ts";
import { LABEL_FILES, labellingFactsSchema, readLabellingFacts } from "../../method/labels/labelling.ts";
import { MODEL_FILES } from "../recipe/hub-models.ts";
import { RESOLVED } from "../recipe/resolved.ts";
import { RECORD, readStageRecord, type StageRecord } from "../stages/cache.ts";

/** A file: its name there, its path here. */
export type PushFile = { readonly name: string; readonly path: string; readonly bytes: number };

/** What is pushed. */
export type PushSource = {
  readonly type: "model" | "dataset";
  readonly files: readonly PushFile[];
  /** Files of the folder that stay here. */
  readonly leftOut: readonly string[];
  /** The stage that made it, where it left its record. */
  readonly record: StageRecord | undefined;
  /** The recipe of the run that it lies in, paths cut to their last name. */
  readonly recipe: unknown;
  /** Of labels: their facts. */
  readonly facts: LabelCardFacts | undefined;
};

const factsSchema = labellingFactsSchema.extend({
  heldOutAccuracy: agreementShareSchema.nullish(),
  // Merged answers say of the calibration whether it was fitted again.
  calibration: z.looseObject({ after: z.object({ ece: intervalSchema.nullish() }).optional() }).nullish(),
});

/** Of a `facts.json`, what a card says. */
export type LabelCardFacts = z.output<typeof factsSchema>;

/** Files of a labelling that are about the pool's pairs; held-out pairs and people's answers stay here. */
const LABELLING = [LABEL_FILES.labels, LABEL_FILES.training, LABEL_FILES.table, LABEL_FILES.facts];

/** A folder's own card is not pushed: the hub gets one with its counts. */
const CARD = "README.md";

/**
 * Looks at a folder: one of labels, of a model, or one that a training wrote.
 * @throws ConfigError when it is neither; CheckpointError when a file of a model is a link that leads elsewhere
 */
export async function openPushSource(folder: string): Promise<PushSource> {
  if (await exists(join(folder, LABEL_FILES.labels))) return openLabels(folder);
  const model = await modelPath(folder);
  if (await exists(join(model, "config.json"))) return openModel(model);
  throw new ConfigError(
    `${folder}: is neither a folder of labels (${LABEL_FILES.labels}) nor of a model (config.json). Name one that label, sft, prefer or reward wrote, or a stage of a run (runs/NAME/stages/…).`,
  );
}

async function openLabels(folder: string): Promise<PushSource> {
  const facts = await readLabellingFacts(folder, factsSchema);
  const origin = await originOf(folder, folder);
  return { type: "dataset", ...(await filesOf(folder, LABELLING)), ...origin, facts };
}

async function openModel(folder: string): Promise<PushSource> {
  const names = (await readdir(folder)).filter((name) => MODEL_FILES.test(name));
  if (!names.some((name) => name.endsWith(".safetensors")))
    throw new ConfigError(`${folder}: has no safetensors to push.`);
  const origin = await originOf(folder, dirname(folder));
  return { type: "model", ...(await filesOf(folder, names)), ...origin, facts: undefined };
}

async function filesOf(
  folder: string,
  wanted: readonly string[],
): Promise<Pick<PushSource, "files" | "leftOut">> {
  const there = (await readdir(folder)).filter((name) => name !== RECORD && !name.startsWith(".")).sort();
  const files = there.filter((name) => wanted.includes(name));
  const sized = files.map(async (name) => {
    const path = join(folder, name);
    return { name, path, bytes: (await stat(path)).size };
  });
  return {
    files: await Promise.all(sized),
    leftOut: there.filter((name) => !wanted.includes(name) && name !== CARD),
  };
}

/** The record beside it, and the recipe of the run around it. */
async function originOf(folder: string, stage: string): Promise<Pick<PushSource, "record" | "recipe">> {
  const home = (await exists(join(folder, RECORD))) ? folder : stage;
  const record = (await exists(join(home, RECORD))) ? await readStageRecord(home) : undefined;
  const recipe = join(home, "..", "..", RESOLVED);
  const text = record !== undefined && (await exists(recipe)) ? await readText(recipe) : undefined;
  return {
    record,
    recipe: text === undefined ? undefined : withoutFolders(parseDocumentText(text, recipe).value),
  };
}

/** Whole paths say who works where: only their last name goes out. */
function withoutFolders(value: unknown): unknown {
  if (typeof value === "string") return /^(\/|~|[A-Za-z]:\\)/.test(value) ? basename(value) : value;
  if (Array.isArray(value)) return value.map(withoutFolders);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withoutFolders(member)]));
}
