/** What each token of a pair adds to its scores, for labels of a run: kept by the run for those that its report prints, else computed. */
import { dirname, join } from "node:path";
import { z } from "zod";
import { AlignError } from "../../base/core/errors.ts";
import { openRuntime } from "../../engine/runtime/runtime.ts";
import type { TokenLimits } from "../../engine/text/pair.ts";
import type { CandidatePair } from "../../method/data/rows.ts";
import { openExplainer, type TokenValue } from "../../method/teacher/explain.ts";
import { openImplicitReward } from "../../method/teacher/implicit-reward.ts";
import { readExplanations } from "../job/explain-stage.ts";
import { poolScoresIn } from "../job/label-stages.ts";
import { readStageRecord, type StageRecord } from "../stages/cache.ts";
import { artefactAt } from "../stages/stage.ts";
import { stageWith, stageWithDigest } from "./open-labels.ts";

/** Tokens of both responses with what they add; `kept`: the run had them. */
export type LabelTokens = {
  readonly a: readonly TokenValue[];
  readonly b: readonly TokenValue[];
  readonly kept: boolean;
};

/** The teacher of a folder of labels, opened when a pair is first asked for that the run did not keep. */
export interface TokenReader {
  /** @throws AlignError with code "tokens" where this teacher has none to show, or its models are not there */
  read(pair: CandidatePair): Promise<LabelTokens>;
  /** Frees the models. */
  close(): Promise<void>;
}

/** @param folder - of labels @throws AlignError with code "tokens" where there is nothing to compute them with */
export async function openTokens(folder: string): Promise<TokenReader> {
  const record = await readStageRecord(folder);
  if (record?.identity.inputs["data"] === undefined)
    throw cannot(
      "These labels do not say where their teacher lies. Run: weak-teacher inspect POOL --explain",
    );
  const stages = dirname(folder);
  const explained = await stageWith(
    stages,
    ({ identity }) => identity.name === "explain" && identity.inputs["labels"] === record.digest,
  );
  const kept =
    explained && (await readExplanations(artefactAt("explain", explained.folder, explained.record.digest)));
  let computing: Promise<Computing> | undefined;
  return {
    async read(pair) {
      const found = kept?.get(pair.id);
      if (found !== undefined) return { a: found.a, b: found.b, kept: true };
      computing ??= openComputing(stages, record);
      // Not kept: a model that lacks may come back.
      computing.catch(() => {
        computing = undefined;
      });
      return (await computing).read(pair);
    },
    close: async () => (await computing?.catch(() => undefined))?.close(),
  };
}

const cannot = (why: string) => new AlignError("tokens", `tokens: ${why}.`);

const scoringSchema = z.object({
  teacher: z.object({ kind: z.string(), beta: z.number().optional() }),
  limits: z.custom<TokenLimits>((value) => typeof value === "object" && value !== null),
});

type Computing = Pick<TokenReader, "read" | "close">;

/** The two models that the labels' scores were made with, by their digests among the run's stages. */
async function openComputing(stages: string, labels: StageRecord): Promise<Computing> {
  const digest = poolScoresIn(labels.identity.inputs);
  const scores = digest === undefined ? undefined : await stageWithDigest(stages, digest);
  const config = scoringSchema.safeParse(scores?.record.identity.config);
  if (scores === undefined || !config.success)
    throw cannot(
      "One teacher's scores are shown by token, and these labels are of several, or their scores are gone",
    );
  const { teacher, limits } = config.data;
  if (teacher.kind !== "implicit-reward" || teacher.beta === undefined)
    throw cannot(`A teacher of the kind ${teacher.kind} gives a response one number, none to its tokens`);
  const [model, reference] = await Promise.all(
    ["policy", "reference"].map((role) => modelOf(stages, scores.record, role)),
  );
  const runtime = openRuntime();
  try {
    const opened = await openImplicitReward(runtime, {
      ...{ model: model!, reference: reference!, beta: teacher.beta, limits },
    });
    const explainer = await openExplainer(opened);
    let turn: Promise<unknown> = Promise.resolve();
    return {
      read(pair) {
        // One after the other: both would want all cores.
        const mine = turn.then(() => explainer.explain(pair));
        turn = mine.catch(() => {});
        return mine.then(({ a, b }) => ({ a, b, kept: false }));
      },
      close: async () => {
        await turn;
        await opened.close();
        await runtime.close();
      },
    };
  } catch (error) {
    await runtime.close();
    throw error;
  }
}

async function modelOf(stages: string, { identity }: StageRecord, role: string): Promise<string> {
  const digest = identity.inputs[role];
  const found = digest === undefined ? undefined : await stageWithDigest(stages, digest);
  if (found === undefined)
    throw cannot(
      `The ${role} of this teacher is not among the stages of its run. Run: weak-teacher inspect POOL --explain`,
    );
  return join(found.folder, "model");
}
