/** An ensemble of finished labellings: folders that `label` wrote of one pool in, their mean calibrated probability out. */
import { join } from "node:path";
import { z } from "zod";
import { digestOf } from "../../base/core/digest.ts";
import { ConfigError } from "../../base/core/errors.ts";
import type { LoadOptions } from "../../method/data/load.ts";
import { type CandidatePair, plainText } from "../../method/data/rows.ts";
import type { Source } from "../../method/data/source.ts";
import { openCandidates } from "../../method/data/stream-candidates.ts";
import {
  type EnsemblePair,
  together,
  uncertaintySchema,
  writeEnsembleScores,
} from "../../method/labels/ensemble-scores.ts";
import { selectionRule } from "../../method/labels/human-answers.ts";
import type { Label } from "../../method/labels/label.ts";
import { readLabelFile } from "../../method/labels/label-file.ts";
import { LABEL_FILES, writeLabelling } from "../../method/labels/labelling.ts";
import { planLabels } from "../../method/labels/plan-labels.ts";
import { teacherFacts } from "../../method/teacher/teacher-facts.ts";
import { checkUnchanged, readStageRecord } from "../stages/cache.ts";
import { type Digested, defineStage, type Running } from "../stages/define.ts";
import type { JobDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";
import { labelFactsSchema, type labelRulesSchema } from "./label-stage.ts";

/** One combination. */
export type CombineRequest = {
  /** Folders of finished labellings of the pool; at least two. */
  readonly folders: readonly string[];
  readonly pool: Digested<Source>;
  readonly read: Omit<LoadOptions, "log">;
  readonly seed: number;
  /** Takes members whose probabilities were not fitted to what people say. */
  readonly uncalibrated: boolean;
  readonly rules: Pick<z.output<typeof labelRulesSchema>, "select" | "weight">;
};

/** The `facts.json` of a combination: that of a labelling, and its members. */
export const combineFactsSchema = labelFactsSchema.extend({
  ensemble: z.object({
    members: z.array(z.object({ name: z.string(), digest: z.string() })).readonly(),
    uncertainty: uncertaintySchema,
  }),
});

/** What a combination's `facts.json` holds. */
export type CombineFacts = z.output<typeof combineFactsSchema>;

type Member = { readonly folder: string; readonly digest: string; readonly labels: readonly Label[] };

/** Combines labels, selects and weighs them anew, and writes what `label` writes, with `uncertainty.jsonl` beside. */
export async function combineStage(deps: JobDeps, request: CombineRequest): Promise<Artefact> {
  const { pool, read, seed, rules } = request;
  if (rules.select.kind === "promise") refusePromise();
  const members = await openMembers(request);
  return combining(deps, {
    name: "combine",
    config: { read, seed, rules },
    inputs: {
      pool,
      labels: members.map((value) => ({ value, source: value.digest })),
    },
  });
}

type Combining = Running<
  Pick<CombineRequest, "read" | "seed" | "rules">,
  { readonly pool: Digested<Source>; readonly labels: readonly Digested<Member>[] }
>;

const combining = defineStage({
  version: 3,
  async run({ work, config: { read, seed, rules }, inputs, tools: { log } }: Combining) {
    const { members, takes } = sharing(
      inputs.labels.map(({ value }) => value),
      read,
    );
    const source = await openCandidates(inputs.pool.value, { ...read, seed, log });
    const pairs = () => only(source.pairs(), takes);
    const facts = members.map(({ labels, digest }) => ({ name: labels[0]?.teacher ?? "", digest }));
    const scores = work.path("scores");
    const target = {
      folder: scores,
      uncertainty: work.folder,
      name: "ensemble",
      settings: { members: facts },
    };
    const uncertainty = await writeEnsembleScores(target, membersOf(members, pairs()));
    const plan = await planLabels(scores, {
      select: selectionRule(rules.select, refusePromise),
      weight: rules.weight,
    });
    const { read: labels, counts, promise, settings } = plan;
    const teacher = await teacherFacts(scores);
    await writeLabelling<CombineFacts>(work.folder, {
      labels: labels(),
      pairs,
      facts: () => ({
        ...{ teacher, counts, promise, settings },
        badRows: source.report.bad.length,
        ensemble: { members: facts, uncertainty },
      }),
    });
  },
});

/** Why labels that are there cannot be selected by a promise. @throws ConfigError */
export function refusePromise(): never {
  throw new ConfigError(
    "combine: a promise needs pairs that no member was calibrated on. Select by --top or --min-confidence, or train the ensemble in a recipe.",
  );
}

/** Labels of every folder. @throws ConfigError, all problems at once, when one is no labelling of this pool in this order */
async function openMembers({ folders, pool, seed, read, uncalibrated }: CombineRequest): Promise<Member[]> {
  if (folders.length < 2)
    throw new ConfigError(`combine: expected at least two folders of labels, got ${folders.length}.`);
  const issues: string[] = [];
  const members: Member[] = [];
  for (const folder of folders) {
    const record = await readStageRecord(folder);
    const problem = problemOf(record?.identity, { pool, seed, read, uncalibrated });
    if (problem !== undefined || record === undefined) {
      issues.push(`${folder}: ${problem}`);
      continue;
    }
    await checkUnchanged(folder, record);
    const labels = await readLabelFile(join(folder, LABEL_FILES.labels));
    if (members.some(({ digest }) => digest === record.digest)) issues.push(`${folder}: is named twice.`);
    members.push({ folder, digest: record.digest, labels });
  }
  if (issues.length > 0) throw new ConfigError(issues);
  return members;
}

type Identity = {
  readonly name: string;
  readonly config?: unknown;
  readonly inputs: Readonly<Record<string, string>>;
};

function problemOf(
  identity: Identity | undefined,
  { pool, seed, read, uncalibrated }: Pick<CombineRequest, "pool" | "seed" | "read" | "uncalibrated">,
): string | undefined {
  if (identity?.name !== "label") return "is no folder that label wrote.";
  if (identity.inputs.pool !== pool.source) return "holds labels of another pool. Label this one.";
  const config = identity.config as { seed?: unknown; read?: unknown };
  if (config.seed !== seed || digestOf(config.read) !== digestOf(read))
    return "was read with another --seed, --map, --format, --header, --limit or --on-bad-row, expected the same. Give the flags it was labelled with.";
  // Raw margins of different teachers have different scales: the mean would be the loudest one's label.
  if (!uncalibrated && identity.inputs["calibrate"] === undefined)
    return "was not calibrated, so its probabilities cannot be averaged with others'. Label with --calibrate, or take them as they are with --uncalibrated.";
  return undefined;
}

type Takes = (id: string) => boolean;

/** Where bad rows were skipped, each teacher may have refused others: then the pairs that all labelled are combined. */
function sharing(
  members: readonly Member[],
  { onBadRow }: CombineRequest["read"],
): { readonly members: readonly Member[]; readonly takes: Takes } {
  if (onBadRow !== "skip") return { members, takes: () => true };
  const sets = members.map(({ labels }) => new Set(labels.map(({ id }) => id)));
  const takes: Takes = (id) => sets.every((ids) => ids.has(id));
  return {
    members: members.map((member) => ({ ...member, labels: member.labels.filter(({ id }) => takes(id)) })),
    takes,
  };
}

async function* only(
  pairs: AsyncIterable<CandidatePair>,
  takes: Takes,
): AsyncGenerator<CandidatePair, void, undefined> {
  for await (const pair of pairs) if (takes(pair.id)) yield pair;
}

async function* membersOf(
  members: readonly Member[],
  pairs: AsyncIterable<CandidatePair>,
): AsyncGenerator<EnsemblePair> {
  const readings = [...members.map(({ labels }) => labels), pairs];
  for await (const items of together<Label | CandidatePair>(readings)) {
    const { a, b } = items.at(-1) as CandidatePair;
    yield {
      labels: items.slice(0, -1) as Label[],
      lengthA: [...plainText(a)].length,
      lengthB: [...plainText(b)].length,
      tokens: 0,
    };
  }
}
