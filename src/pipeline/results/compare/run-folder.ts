/** A finished run as it lies on disk: its report, its recipe, and the responses of its arms. Nothing is computed. */

import { join, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { AlignError, ConfigError, messageOf } from "../../../base/core/errors.ts";
import { exists, readJson } from "../../../base/core/files.ts";
import { ARM_RECORDS, type EvaluatedArm } from "../../../method/evaluate/arm.ts";
import type { TestMargins } from "../../../method/evaluate/test-accuracy.ts";
import { TEST_MARGINS } from "../../../method/evaluate/test-accuracy.ts";
import type { Arm, Curve } from "../../../report/data.ts";
import { REPORT_SCHEMA } from "../../../report/json.ts";
import { checkLayout } from "../../stages/layout.ts";

const reportSchema = z.looseObject({
  schema: z.literal(REPORT_SCHEMA),
  runId: z.string(),
  recipe: z.looseObject({ yaml: z.string(), digest: z.string() }),
  environment: z.looseObject({ version: z.string(), seed: z.union([z.number(), z.string()]) }),
  arms: z.array(z.looseObject({ name: z.string() })).default([]),
  artefacts: z.array(z.looseObject({ name: z.string(), path: z.string() })).default([]),
  curves: z
    .array(
      z.looseObject({
        stage: z.string(),
        metric: z.string(),
        points: z.array(z.tuple([z.number(), z.number()])),
      }),
    )
    .default([]),
});

/** A run to be put beside others. */
export type ComparedRun = {
  /** Short name in tables; the last part of the folder unless two runs share it. */
  readonly name: string;
  readonly folder: string;
  readonly runId: string;
  readonly version: string;
  readonly seed: number | string;
  /** The resolved recipe, plain. */
  readonly recipe: unknown;
  readonly arms: readonly Arm[];
  /** Training curves of its report. */
  readonly curves: readonly Curve[];
  /** All of its report, as it is written. */
  readonly report: unknown;
  /** The arm that stops after SFT, which others are measured against. */
  readonly baseline: string | undefined;
  /** Arms with responses on the test prompts; none where the run had no evaluator. */
  readonly answers: readonly EvaluatedArm[];
  /** Margins on the labelled test pairs, by arm. */
  readonly testMargins: ReadonlyMap<string, readonly TestMargins[]>;
};

const GENERATIONS = "generate-";
const TEST_ACCURACY = "test-accuracy-";

/**
 * Opens a run.
 * @throws ConfigError when the folder is no finished run, saying what to do; DataError when one of its files is damaged
 */
export async function openComparedRun(folder: string, name: string): Promise<ComparedRun> {
  await checkLayout(folder);
  const file = join(folder, "report.json");
  if (!(await exists(file))) throw new ConfigError(await noReport(folder));
  const parsed = reportSchema.safeParse(await readJson(file).catch((error) => unreadable(file, error)));
  if (!parsed.success)
    throw new ConfigError(
      `${file}: is no report of this version (${parsed.error.issues[0]!.path.join(".")}: ${parsed.error.issues[0]!.message}). Write it again with: weak-teacher report ${folder}`,
    );
  const { runId, recipe, environment, arms, artefacts, curves } = parsed.data;
  const resolved: unknown = parse(recipe.yaml);
  const known = new Set(arms.map((arm) => arm.name));
  const answers: EvaluatedArm[] = [];
  const testMargins = new Map<string, readonly TestMargins[]>();
  for (const { name: stage, path } of artefacts) {
    const [answered, judged] = [GENERATIONS, TEST_ACCURACY].map((start) =>
      stage.startsWith(start) && known.has(stage.slice(start.length)) ? stage.slice(start.length) : undefined,
    );
    if (answered !== undefined)
      answers.push({
        name: answered,
        records: await ARM_RECORDS.read(await fileOf(folder, path, "records.jsonl")),
      });
    if (judged !== undefined)
      testMargins.set(judged, await TEST_MARGINS.read(await fileOf(folder, path, "pairs.jsonl")));
  }
  return {
    name,
    folder: resolve(folder),
    runId,
    version: environment.version,
    seed: environment.seed,
    recipe: resolved,
    baseline: baselineOf(resolved),
    arms: arms as unknown as Arm[],
    curves,
    report: parsed.data,
    answers,
    testMargins,
  };
}

/** Opens runs, each with a name of its own. @throws ConfigError with all that is wrong, and for one folder twice */
export async function openRuns(folders: readonly string[]): Promise<ComparedRun[]> {
  const places = folders.map((folder) => resolve(folder));
  const twice = places.find((place, i) => places.indexOf(place) !== i);
  if (twice !== undefined) throw new ConfigError(`${twice}: comes twice, expected each run once.`);
  const names = places.map((place) => place.split("/").at(-1)!);
  const opened = await Promise.allSettled(
    folders.map((folder, i) =>
      openComparedRun(folder, names.indexOf(names[i]!) === names.lastIndexOf(names[i]!) ? names[i]! : folder),
    ),
  );
  const failed = opened.filter((one) => one.status === "rejected");
  const config = failed.flatMap(({ reason }) => (reason instanceof ConfigError ? reason.issues : []));
  if (config.length > 0) throw new ConfigError(config);
  if (failed.length > 0) throw failed[0]!.reason;
  return opened.map((one) => (one as PromiseFulfilledResult<ComparedRun>).value);
}

function baselineOf(recipe: unknown): string | undefined {
  const { arms = [] } = (recipe ?? {}) as { arms?: { name?: string | undefined; training?: string }[] };
  return arms.find(({ training }) => training === "sft")?.name;
}

async function fileOf(folder: string, path: string, name: string): Promise<string> {
  const file = join(folder, path, name);
  if (await exists(file)) return file;
  throw new ConfigError(
    `${folder}: a file that its report stands on is not there (${join(path, name)}). Compute it again with: weak-teacher run ${join(folder, "recipe.yaml")} --out ${folder}`,
  );
}

async function noReport(folder: string): Promise<string> {
  if (!(await exists(folder))) return `${folder}: there is no such folder, expected a run's.`;
  const recipe = join(folder, "recipe.yaml");
  return (await exists(recipe))
    ? `${folder}: has no report. Finish the run with: weak-teacher run ${recipe} --out ${folder}`
    : `${folder}: is no run, expected a folder with report.json and recipe.yaml.`;
}

function unreadable(file: string, error: unknown): never {
  throw new AlignError("data", `${file}: ${messageOf(error)}`, { cause: error });
}
