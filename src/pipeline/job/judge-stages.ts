/** Stages in which judges compare arms: every arm against the SFT baseline and against the arm on human labels. */

import { join } from "node:path";
import { DataError } from "../../base/core/errors.ts";
import { readJson, writeFileAtomic, writeJsonAtomic } from "../../base/core/files.ts";
import { readJsonl } from "../../base/files/jsonl.ts";
import { modelIdentity } from "../../engine/checkpoint/model-identity.ts";
import { jsonLines } from "../../method/data/json-lines.ts";
import { readArmRecords } from "../../method/evaluate/arm.ts";
import { type JudgeRecord, judgeItems } from "../../method/evaluate/judges/compare.ts";
import { type JudgeFacts, openJudge } from "../../method/evaluate/judges/judge.ts";
import { questionOf } from "../../method/evaluate/judges/questions.ts";
import { type JudgeSpec, judgeName } from "../../method/evaluate/judges/spec.ts";
import { baselineOf, humanOf, type MainJob } from "../recipe/job-settings.ts";
import type { JobDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";

/** A judge's verdicts on one arm against one other. */
export type JudgedArm = {
  readonly judge: string;
  readonly arm: string;
  readonly baseline: string;
  readonly artefact: Artefact;
};

/** An arm and its responses. */
type Answering = { readonly name: string; readonly generations: Artefact | undefined };

/** Folder of judges' answers in a run's folder: shared by all stages, so that a changed recipe asks for what is new only. */
export const JUDGE_ANSWERS = "judge-answers";

/** Asks every judge about every arm. Nothing is asked when there are no judges. */
export async function judgeStudents(
  deps: JobDeps,
  job: MainJob,
  students: readonly Answering[],
): Promise<JudgedArm[]> {
  const judged: JudgedArm[] = [];
  for (const spec of job.evaluation.judges)
    for (const { arm, baseline } of matches(job, students)) {
      const names = { judge: judgeName(spec), arm: arm.name, baseline: baseline.name };
      judged.push({ ...names, artefact: await judgeStage(deps, spec, arm, baseline) });
    }
  return judged;
}

/** Each arm meets the baseline and the human arm; never itself, and these two each other only once. */
function matches(job: MainJob, students: readonly Answering[]) {
  const others = [...new Set([baselineOf(job), humanOf(job)])];
  return others.flatMap((other, round) => {
    const baseline = students.find(({ name }) => name === other);
    if (baseline === undefined) return [];
    const met = others.slice(0, round);
    return students
      .filter(({ name }) => name !== other && !met.includes(name))
      .map((arm) => ({ arm, baseline }));
  });
}

async function judgeStage(
  deps: JobDeps,
  spec: JudgeSpec,
  arm: Answering,
  baseline: Answering,
): Promise<Artefact> {
  const { pipeline } = deps;
  const name = judgeName(spec);
  const inputs = { arm: arm.generations!, baseline: baseline.generations! };
  return pipeline.stage({
    name: `judge-${name}-${arm.name}-vs-${baseline.name}`,
    version: 1,
    config: { ...settingsOf(spec), promptDigest: questionOf(spec.mode, spec.prompt).digest },
    inputs: spec.type === "local" ? { ...inputs, judge: await modelIdentity(spec.model) } : inputs,
    run: async (work) => {
      const cache = join(pipeline.folder, JUDGE_ANSWERS);
      const judge = await openJudge({ runtime: deps.runtime, cache }, spec);
      try {
        const [own, other] = await Promise.all(
          [arm, baseline].map(async ({ name, generations }) => ({
            name,
            records: await readArmRecords(generations!.path("records.jsonl")),
          })),
        );
        const { items, facts } = judgeItems(own!, other!);
        const verdicts = await judge.judge(items, deps.signal);
        const records = facts.map((fact, i): JudgeRecord => ({ ...fact, ...verdicts[i]! }));
        await writeFileAtomic(work.path("verdicts.jsonl"), jsonLines(records));
        await writeJsonAtomic(work.path("judge.json"), judge.facts());
      } finally {
        await judge.close();
      }
    },
  });
}

/** What verdicts depend on: not the name, the place of the model, or how patiently an endpoint is asked. */
function settingsOf({ name: _name, prompt: _prompt, ...spec }: JudgeSpec): Record<string, unknown> {
  if (spec.type === "local") return { type: spec.type, mode: spec.mode, chat: spec.chat ?? null };
  const { apiKeyEnv: _key, concurrency: _width, timeoutMs: _timeout, retries: _retries, ...settings } = spec;
  return settings;
}

/** The verdicts of a stage, and who judged. */
export async function readVerdicts({
  artefact,
}: JudgedArm): Promise<{ records: JudgeRecord[]; facts: JudgeFacts }> {
  const file = artefact.path("verdicts.jsonl");
  const records: JudgeRecord[] = [];
  for await (const record of readJsonl(file)) {
    if ("problem" in record) throw new DataError(file, record.line, record.problem);
    records.push(record.value as JudgeRecord);
  }
  return { records, facts: (await readJson(artefact.path("judge.json"))) as JudgeFacts };
}
