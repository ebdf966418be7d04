/** Stages in which judges compare arms: every arm against the SFT baseline and against the arm on human labels. */

import { join } from "node:path";
import { ARM_RECORDS } from "../../method/evaluate/arm.ts";
import { JUDGE_RECORDS, type JudgeRecord, judgeItems } from "../../method/evaluate/judges/compare.ts";
import { type JudgeFacts, judgeFactsSchema, openJudge } from "../../method/evaluate/judges/judge.ts";
import { questionOf } from "../../method/evaluate/judges/questions.ts";
import { type JudgeSpec, judgeName } from "../../method/evaluate/judges/spec.ts";
import { baselineOf, humanOf, type MainJob } from "../recipe/job-settings.ts";
import { defineStage, type Ref, type Running } from "../stages/define.ts";
import type { JobDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";
import { jsonFile, jsonlFile } from "../stages/stage-file.ts";
import { givenModel } from "./model-stages.ts";

/** Who judges which arm against which other. */
type Names = { readonly judge: string; readonly arm: string; readonly baseline: string };

/** A judge's verdicts on one arm against one other. */
export type JudgedArm = Names & { readonly artefact: Artefact };

/** An arm and its responses. */
type Answering = { readonly name: string; readonly generations: Artefact | undefined };

/** Folder of judges' answers in a run's folder: shared by all stages, so that a changed recipe asks for what is new only. */
export const JUDGE_ANSWERS = "judge-answers";

const VERDICTS = jsonlFile("verdicts.jsonl", JUDGE_RECORDS);
const FACTS = jsonFile("judge.json", judgeFactsSchema);

type Local = Extract<JudgeSpec, { type: "local" }>;
type Chat = Extract<JudgeSpec, { type: "chat" }>;
/** How patiently an endpoint is asked, and what it takes for that. */
type Patience = Pick<Chat, "apiKeyEnv" | "concurrency" | "timeoutMs" | "retries" | "prices">;

type Judging = Running<
  {
    readonly judge: Omit<Local, "name" | "model"> | Omit<Chat, "name" | keyof Patience>;
    readonly promptDigest: string;
    readonly names: Names;
  },
  { readonly arm: Artefact; readonly baseline: Artefact; readonly judge: Ref | undefined },
  Patience | Record<string, never>
>;

const judging = defineStage({
  version: 3,
  async run({ work, config, inputs, tools, how }: Judging) {
    const { judge: settings, names } = config;
    const place = inputs.judge === undefined ? {} : { model: inputs.judge.folder };
    const spec = { ...settings, ...place, ...how, name: names.judge } as JudgeSpec;
    const cache = join(tools.runFolder, JUDGE_ANSWERS);
    const { judge: by, arm: ours, baseline: theirs } = names;
    const progress =
      spec.type === "chat" ? tools.log.progress(`${by}: ${ours} against ${theirs}`, 0, "replies") : undefined;
    const heard = (replies: number, spent: string) => progress?.update(replies, spent);
    const judge = await openJudge({ runtime: tools.runtime, cache, heard }, spec);
    try {
      const [arm, baseline] = await Promise.all([
        ARM_RECORDS.read(inputs.arm.path("records.jsonl")),
        ARM_RECORDS.read(inputs.baseline.path("records.jsonl")),
      ]);
      const { items, facts } = judgeItems(
        { name: names.arm, records: arm },
        { name: names.baseline, records: baseline },
      );
      const verdicts = await judge.judge(items, tools.signal);
      await VERDICTS.write(
        work,
        facts.map((fact, i) => ({ ...fact, ...verdicts[i]! })),
      );
      await FACTS.write(work, judge.facts());
    } finally {
      progress?.end();
      await judge.close();
    }
  },
});

/** Asks every judge about every arm. Nothing is asked when there are no judges. */
export async function judgeStudents(
  deps: JobDeps,
  job: MainJob,
  students: readonly Answering[],
): Promise<JudgedArm[]> {
  const judged: JudgedArm[] = [];
  for (const spec of job.evaluation.judges) {
    const { config, judge, how } = await partsOf(spec);
    for (const { arm, baseline } of matches(job, students)) {
      const names = { judge: judgeName(spec), arm: arm.name, baseline: baseline.name };
      const artefact = await judging(deps, {
        name: `judge-${names.judge}-${names.arm}-vs-${names.baseline}`,
        config: { ...config, names },
        inputs: { arm: arm.generations!, baseline: baseline.generations!, judge },
        how,
      });
      judged.push({ ...names, artefact });
    }
  }
  return judged;
}

/** How many comparisons every judge is asked for. */
export const matchCount = (job: MainJob): number =>
  matches(
    job,
    job.arms.map(({ name }) => ({ name, generations: undefined })),
  ).length;

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

/** A judge as its stages have it: what its verdicts depend on, its model, and how an endpoint is asked. */
async function partsOf({ name: _, ...spec }: JudgeSpec) {
  const promptDigest = questionOf(spec.mode, spec.prompt).digest;
  if (spec.type === "local") {
    const { model: folder, ...settings } = spec;
    return { config: { judge: settings, promptDigest }, judge: await givenModel(folder), how: {} };
  }
  const { apiKeyEnv, concurrency, timeoutMs, retries, prices, ...settings } = spec;
  const how = { apiKeyEnv, concurrency, timeoutMs, retries, prices };
  return { config: { judge: settings, promptDigest }, judge: undefined, how };
}

/** The verdicts of a stage, and who judged. */
export async function readVerdicts({
  artefact,
}: JudgedArm): Promise<{ records: readonly JudgeRecord[]; facts: JudgeFacts }> {
  return { records: await VERDICTS.read(artefact), facts: await FACTS.read(artefact) };
}
