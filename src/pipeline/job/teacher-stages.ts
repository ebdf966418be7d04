/** Stages that make the teachers of a job and their raw scores: of the pool, and of labelled pairs they did not learn from. */

import { digestPath } from "../../base/core/contents.ts";
import { CASCADE } from "../../method/labels/cascade.ts";
import type { GivenTeacher } from "../../method/teacher/given-teachers.ts";
import { inFewBits, precisionOf, turnedOf } from "../../method/teacher/precision-settings.ts";
import type { ScoreForm } from "../../method/teacher/score-form.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import type { ModelSource } from "../recipe/model-settings.ts";
import {
  givensOf,
  membersOf,
  type PlacedMember,
  scoreFormOf,
  suffixOf,
  type TeacherMember,
} from "../recipe/teacher-settings.ts";
import type { Ref } from "../stages/define.ts";
import type { JobDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";
import { askedStage, cascadeHeldOutStage, cascadeScoresStage } from "./cascade-stages.ts";
import { bootstrapRows, type SplitPart, splitLabelled } from "./labelled-split.ts";
import type { MemberScores, TeacherModels } from "./member-scores.ts";
import { baseModel, checkAdapters, type ModelFolderRef, shallowModel, trimmedModel } from "./model-stages.ts";
import { type ScoredPairs, scoresStage } from "./scores-stage.ts";
import { preferStage, rewardStage, sftStage } from "./train-stages.ts";
import { defineRows, type RowSource } from "./training-rows.ts";

/** A model before it is made a teacher, under a name by its place. */
type WeakModels = (source: ModelSource, place: number) => Promise<ModelFolderRef>;

/** The weak models of a job: cut and trimmed, each under a name of its own. */
function weakModels(deps: JobDeps, data: Artefact): WeakModels {
  return async (source, place) => {
    const suffix = suffixOf(place);
    const base = await baseModel(deps, source.source);
    const shallow = await shallowModel(deps, source, base, `first-layers${suffix}`);
    return trimmedModel(deps, `weak${suffix}`, source, shallow, data);
  };
}

/** Trains what the job's teacher needs trained, and scores with it: one entry for each teacher that has a say. */
export async function teacherScores(deps: JobDeps, job: MainJob, data: Artefact): Promise<MemberScores[]> {
  const { teacher } = job;
  const weak = weakModels(deps, data);
  const members = membersOf(teacher, job.seed, job.models.weak);
  const givens = givensOf(teacher, job.models.weak);
  const scoresAt = async (place: number, asked?: Artefact) => {
    const member = members.find((one) => one.place === place);
    if (member === undefined)
      return givenScores(deps, job, data, { ...givens.find((one) => one.place === place)!, weak, asked });
    const base = await weak(member.weak, sourceOf(members, member));
    return memberScores(deps, job, data, { member, base, asked });
  };
  if (teacher.kind === "cascade") return [await cascadeScores(deps, job, data, teacher.sure, scoresAt)];
  const scores: MemberScores[] = [];
  for (let place = 0; place < members.length + givens.length; place++) scores.push(await scoresAt(place));
  return scores;
}

/** The place of the first member with the same source: members of one source share its models. */
const sourceOf = (members: readonly PlacedMember[], { weak }: PlacedMember): number =>
  members.find((other) => JSON.stringify(other.weak) === JSON.stringify(weak))!.place;

/** The first teacher reads all, the second what the first is not sure of; of held-out and test pairs both read all, to be measured. */
async function cascadeScores(
  deps: JobDeps,
  { seed, label: { calibration, heldOut: share, folds } }: MainJob,
  data: Artefact,
  sure: number,
  scoresAt: (place: number, asked?: Artefact) => Promise<MemberScores>,
): Promise<MemberScores> {
  const rules = { seed, sure, label: { calibration, heldOut: share, folds } };
  const first = await scoresAt(0);
  const asked = await askedStage(deps, {
    name: "cascade-asked",
    config: { ...rules, form: first.form },
    inputs: { data, pool: first.pool, heldOut: first.heldOut[0]! },
  });
  const second = await scoresAt(1, asked);
  const heldOut = await cascadeHeldOutStage(deps, {
    name: "cascade-held-out-scores",
    config: { ...rules, form: second.form },
    inputs: { ...{ data, asked, pool: second.pool }, first: first.heldOut[0]!, second: second.heldOut[0]! },
  });
  const both = (name: string, of: readonly [Artefact, Artefact]) =>
    cascadeScoresStage(deps, {
      name,
      config: { sure },
      inputs: { ...{ asked, fitted: heldOut }, first: of[0], second: of[1] },
    });
  const pool = await both("cascade-scores", [first.pool, second.pool]);
  const test = first.test && second.test && (await both("cascade-test-scores", [first.test, second.test]));
  const form: ScoreForm = { form: "sum" };
  return { name: CASCADE, form, pool, heldOut: [heldOut], test, models: undefined, steps: [first, second] };
}

type Member = {
  readonly member: PlacedMember;
  readonly base: ModelFolderRef;
  readonly asked: Artefact | undefined;
};

async function memberScores(
  deps: JobDeps,
  job: MainJob,
  data: Artefact,
  { member, base, asked }: Member,
): Promise<MemberScores> {
  const suffix = suffixOf(member.place);
  const { folds } = job.label;
  for (const lora of [member.lora, member.sftLora]) await checkAdapters(lora, base);
  const train = (part: SplitPart, name: string) =>
    trainTeacher(deps, job, { member, base, name, rows: rowsOf(data, job, member, part) });
  const { kind, beta, precision } = member;
  const few = precisionOf(precision);
  const teacher = kind === "implicit-reward" ? { kind, beta: beta!, ...few } : { kind, ...few };
  const score = (models: TeacherModels, name: string, pairs: ScoredPairs) =>
    scoresStage(deps, {
      name,
      config: { teacher, ...turnedOf(precision), name: `weak${suffix}`, limits: job.limits, pairs },
      inputs: { ...models, data, asked: pairs.of === "pool" ? asked : undefined },
      how: {},
    });
  const pairs = pairsIn(job);
  const models = await train({}, `teacher${suffix}`);
  const pool = await score(models, `pool-scores${suffix}`, pairs.pool);
  const heldOut: Artefact[] = [];
  if (folds === 0) heldOut.push(await score(models, `held-out-scores${suffix}`, pairs.heldOut));
  for (let fold = 0; fold < folds; fold++) {
    const without = await train({ fold }, `teacher${suffix}-fold-${fold + 1}`);
    heldOut.push(
      await score(without, `held-out-scores${suffix}-fold-${fold + 1}`, { ...pairs.heldOut, fold }),
    );
  }
  const test = await score(models, `test-scores${suffix}`, pairs.test);
  return { name: `weak${suffix}`, form: member.score, pool, heldOut, test, models };
}

/** Which labelled rows a teacher learns from: a share is held out, or a fold; of them a study's part, or a sample with replacement. */
type TaughtSpec = Pick<MainJob, "labelled"> & {
  readonly seed: number;
  readonly heldOut?: number;
  readonly folds?: number;
  readonly fold?: number | undefined;
  /** Seed of the sample. */
  readonly bootstrap?: number;
};

const taughtRowsOf = defineRows<TaughtSpec>(async ({ from, spec }) => {
  const { seed, heldOut = 0, folds = 0, fold, bootstrap, labelled } = spec;
  const read = async (part: MainJob["labelled"]) => {
    const { train } = await splitLabelled(
      from,
      { seed, label: { heldOut, folds }, labelled: part },
      { fold },
    );
    return bootstrap === undefined ? train : bootstrapRows(train, bootstrap);
  };
  return { rows: await read(labelled), whole: labelled?.sameSteps ? await read(undefined) : undefined };
});

/** The rows a teacher learns from, with all that they depend on in their identity. */
function rowsOf(
  data: Artefact,
  { label, labelled, seed }: MainJob,
  member: TeacherMember,
  part: SplitPart,
): RowSource {
  const { heldOut, folds } = label;
  const split = folds > 0 ? { folds, ...part } : { heldOut };
  const drawn = member.bootstrap ? { bootstrap: member.seed } : {};
  return taughtRowsOf({ from: data, spec: { ...split, ...drawn, labelled, seed } });
}

type Training = {
  readonly member: TeacherMember;
  readonly base: ModelFolderRef;
  readonly name: string;
  readonly rows: RowSource;
};

/** SFT on the labelled part's preferred responses, where there is any, then preference training or a reward head on its pairs. */
async function trainTeacher(
  deps: JobDeps,
  { limits }: MainJob,
  { member, base, name, rows }: Training,
): Promise<TeacherModels> {
  const { sft, sftLora, reward, prefer, lora, trainer } = member;
  const reference =
    sft === undefined
      ? base
      : await sftStage(deps, {
          name: `${name}-sft`,
          model: base,
          rows,
          limits,
          settings: sft,
          ...{ lora: sftLora, trainer },
        });
  if (reward !== undefined)
    return {
      policy: await rewardStage(deps, {
        name: `${name}-reward`,
        model: reference,
        rows,
        limits,
        settings: reward,
        ...{ lora, trainer },
      }),
    };
  if (prefer === undefined) throw new Error(`internal: ${member.kind} without its training`);
  const policy = await preferStage(deps, {
    name: `${name}-prefer`,
    model: reference,
    rows,
    limits,
    ...{ lora, trainer },
    ...prefer,
  });
  return { policy, reference };
}

/** Which pairs a job has scored. */
function pairsIn({ seed, label: { heldOut, folds } }: MainJob) {
  return {
    pool: { of: "pool" },
    test: { of: "test", seed },
    heldOut: { of: "held-out", seed, label: { heldOut, folds } },
  } as const;
}

type Given = {
  readonly given: GivenTeacher;
  /** Of a local judge. */
  readonly model: ModelSource | undefined;
  readonly place: number;
  readonly weak: WeakModels;
  readonly asked: Artefact | undefined;
};

/** A judge, a served model or a control: nothing is trained, and every labelled pair is there to measure it. */
async function givenScores(
  deps: JobDeps,
  job: MainJob,
  data: Artefact,
  { given, model: source, place, weak, asked }: Given,
): Promise<MemberScores> {
  const { limits } = job;
  const suffix = suffixOf(place);
  const { kind: name } = given;
  const { teacher, few, tokenizer, how } = partsOf(given, job.seed);
  const model = given.kind === "judge-local" ? await weak(source!, place) : undefined;
  const inputs = { model, tokenizer: await tokenizerRef(tokenizer), data };
  const score = (stage: string, pairs: ScoredPairs) =>
    scoresStage(deps, {
      name: `${stage}${suffix}`,
      config: { teacher, ...turnedOf(few), name, limits, pairs },
      inputs: { ...inputs, asked: pairs.of === "pool" ? asked : undefined },
      how,
    });
  const pairs = pairsIn(job);
  return {
    name,
    form: scoreFormOf(given),
    pool: await score("pool-scores", pairs.pool),
    heldOut: [await score("held-out-scores", pairs.heldOut)],
    test: name === "gold" || name === "noisy-human" ? undefined : await score("test-scores", pairs.test),
    models: undefined,
  };
}

/** What of a teacher its scores depend on, the tokenizer that they depend on, and how it is asked. */
function partsOf(given: GivenTeacher, seed: number) {
  switch (given.kind) {
    case "remote": {
      const { apiKeyEnv, concurrency, tokenizer, score: _, ...teacher } = given;
      return { teacher, tokenizer, how: { apiKeyEnv, concurrency } };
    }
    case "judge-chat": {
      const { apiKeyEnv, concurrency, ...teacher } = given;
      return { teacher, how: { apiKeyEnv, concurrency } };
    }
    case "judge-local": {
      const { precision, ...teacher } = given;
      const { precision: few } = inFewBits(precision);
      return { teacher: { ...teacher, ...precisionOf(few) }, few, how: {} };
    }
    case "random":
    case "noisy-human":
      return { teacher: { ...given, seed }, how: {} };
    default:
      return { teacher: given, how: {} };
  }
}

/** A tokenizer's folder need hold no model. */
const tokenizerRef = async (folder: string | undefined): Promise<Ref | undefined> =>
  folder === undefined ? undefined : { folder, source: await digestPath(folder) };
