/** Stages that make the teachers of a job and their raw scores: of the pool, and of labelled pairs they did not learn from. */

import { digestPath } from "../../base/core/contents.ts";
import { sameText } from "../../method/data/rows.ts";
import type { TeacherChoice } from "../../method/teacher/choice.ts";
import type { HumanChoice, Scores } from "../../method/teacher/controls.ts";
import type { GivenTeacher } from "../../method/teacher/given-teachers.ts";
import type { ScoreForm } from "../../method/teacher/score-form.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import type { ModelSource } from "../recipe/model-settings.ts";
import { membersOf, scoreFormOf, type TeacherMember } from "../recipe/teacher-settings.ts";
import type { JobDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";
import { readHidden, readHiddenGold, readLabelledGold } from "./data-files.ts";
import { bootstrapRows, heldOutPairs, type SplitPart, splitLabelled } from "./labelled-split.ts";
import { baseModel, checkAdapters, type ModelFolderRef, shallowModel, trimmedModel } from "./model-stages.ts";
import { scoresStage } from "./scores-stage.ts";
import { preferStage, rewardStage, sftStage } from "./train-stages.ts";
import type { RowSource } from "./training-rows.ts";

/** A teacher's models; a reward head has no reference. */
export type TeacherModels = {
  readonly policy: ModelFolderRef;
  readonly reference?: ModelFolderRef | undefined;
};

/** Raw scores by one teacher. */
export type MemberScores = {
  /** For people and in labels: "weak", "weak-2". */
  readonly name: string;
  readonly form: ScoreForm;
  readonly pool: Artefact;
  /** Of the held-out pairs; with folds one for each, by a teacher that did not learn from it. */
  readonly heldOut: readonly Artefact[];
  /** Of the test pairs; undefined for controls that are told of the pool alone. */
  readonly test: Artefact | undefined;
  /** Undefined for judges and controls. */
  readonly models: TeacherModels | undefined;
};

/** A model before it is made a teacher, under a name by its place. */
type WeakModels = (source: ModelSource, place: number) => Promise<ModelFolderRef>;

/** The weak models of a job: cut and trimmed, each under a name of its own. */
function weakModels(deps: JobDeps, data: Artefact): WeakModels {
  return async (source, place) => {
    const suffix = place === 0 ? "" : `-${place + 1}`;
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
  if (members.length === 0) return [await givenScores(deps, job, data, weak)];
  const scores: MemberScores[] = [];
  for (const [place, member] of members.entries())
    scores.push(
      await memberScores(deps, job, data, {
        member,
        place,
        base: await weak(member.weak, sourceOf(members, place)),
      }),
    );
  return scores;
}

/** The place of the first member with the same source: members of one source share its models. */
function sourceOf(members: readonly TeacherMember[], place: number): number {
  const { weak } = members[place]!;
  return members.findIndex((other) => JSON.stringify(other.weak) === JSON.stringify(weak));
}

type Member = { readonly member: TeacherMember; readonly place: number; readonly base: ModelFolderRef };

async function memberScores(
  deps: JobDeps,
  job: MainJob,
  data: Artefact,
  { member, place, base }: Member,
): Promise<MemberScores> {
  const suffix = place === 0 ? "" : `-${place + 1}`;
  const { folds } = job.label;
  for (const lora of [member.lora, member.sftLora]) await checkAdapters(lora, base);
  const train = (part: SplitPart, name: string) =>
    trainTeacher(deps, job, { member, base, name, rows: rowsOf(data, job, member, part) });
  const score = (models: TeacherModels, name: string, part: SplitPart | "pool" | "test") =>
    scoresStage(deps, job, data, {
      stage: name,
      name: `weak${suffix}`,
      choice: choiceOf(member, models),
      inputs: {
        policy: models.policy.source,
        ...(models.reference ? { reference: models.reference.source } : {}),
      },
      part,
    });
  const models = await train({}, `teacher${suffix}`);
  const pool = await score(models, `pool-scores${suffix}`, "pool");
  const heldOut: Artefact[] = [];
  if (folds === 0) heldOut.push(await score(models, `held-out-scores${suffix}`, {}));
  for (let fold = 0; fold < folds; fold++) {
    const without = await train({ fold }, `teacher${suffix}-fold-${fold + 1}`);
    heldOut.push(await score(without, `held-out-scores${suffix}-fold-${fold + 1}`, { fold }));
  }
  const test = await score(models, `test-scores${suffix}`, "test");
  return { name: `weak${suffix}`, form: member.score, pool, heldOut, test, models };
}

/** The rows a teacher learns from, with all that they depend on in their identity. */
function rowsOf(data: Artefact, job: MainJob, member: TeacherMember, part: SplitPart): RowSource {
  const { heldOut, folds } = job.label;
  const split = folds > 0 ? { folds, ...part } : { heldOut };
  const drawn = member.bootstrap ? { bootstrap: member.seed } : {};
  const read = async (from: Parameters<typeof splitLabelled>[1]) => {
    const { train } = await splitLabelled(data, from, part);
    return member.bootstrap ? bootstrapRows(train, member.seed) : train;
  };
  return {
    from: data,
    spec: { ...split, ...drawn, labelled: job.labelled, seed: job.seed },
    read: () => read(job),
    ...(job.labelled?.sameSteps ? { whole: () => read({ ...job, labelled: undefined }) } : {}),
  };
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

/** A trained teacher as a value. */
export function choiceOf(
  { kind, beta }: Pick<TeacherMember, "kind" | "beta">,
  { policy, reference }: TeacherModels,
): TeacherChoice {
  switch (kind) {
    case "implicit-reward":
      return { kind, model: policy.folder, reference: reference!.folder, beta };
    case "likelihood":
    case "reward-head":
      return { kind, model: policy.folder };
    default:
      return kind satisfies never;
  }
}

/** A judge, a served model or a control: nothing is trained, and every labelled pair is there to measure it. */
async function givenScores(
  deps: JobDeps,
  job: MainJob,
  data: Artefact,
  weak: WeakModels,
): Promise<MemberScores> {
  const { teacher } = job;
  const judge = teacher.kind === "judge-local" ? await weak(job.models.weak!, 0) : undefined;
  const choice = givenChoice(job, data, teacher as GivenTeacher, judge);
  const inputs = {
    ...(judge === undefined ? {} : { model: judge.source }),
    ...(teacher.kind === "remote" ? { tokenizer: await digestPath(teacher.tokenizer) } : {}),
  };
  const score = (stage: string, part: SplitPart | "pool" | "test") =>
    scoresStage(deps, job, data, { stage, name: teacher.kind, choice, inputs, part });
  return {
    name: teacher.kind,
    form: scoreFormOf(teacher),
    pool: await score("pool-scores", "pool"),
    heldOut: [await score("held-out-scores", {})],
    test:
      teacher.kind === "gold" || teacher.kind === "noisy-human"
        ? undefined
        : await score("test-scores", "test"),
    models: undefined,
  };
}

function givenChoice(
  job: MainJob,
  data: Artefact,
  teacher: GivenTeacher,
  judge: ModelFolderRef | undefined,
): TeacherChoice {
  switch (teacher.kind) {
    case "judge-local":
      return { kind: teacher.kind, model: judge!.folder, prompt: teacher.prompt };
    case "judge-chat":
    case "remote":
      return teacher;
    case "random":
      return { kind: teacher.kind, seed: job.seed };
    case "longer":
      return { kind: teacher.kind };
    case "gold":
      return { kind: teacher.kind, rewards: () => goldOf(data, job) };
    case "noisy-human":
      return { ...teacher, seed: job.seed, choices: () => choicesOf(data, job) };
    default:
      return teacher satisfies never;
  }
}

/** What people said of the pool and of the labelled pairs: a control is told on purpose. */
async function choicesOf(data: Artefact, job: MainJob): Promise<Map<string, HumanChoice>> {
  const { human } = await heldOutPairs(data, job);
  return new Map([...(await readHidden(data)), ...human].map(({ id, preferred }) => [id, preferred]));
}

/** Gold rewards of the pool and of the labelled pairs, by pair id. */
async function goldOf(data: Artefact, job: MainJob): Promise<Map<string, Scores>> {
  const pool = (await readHiddenGold(data)).map(
    ({ id, goldA, goldB }) => [id, { scoreA: goldA, scoreB: goldB }] as const,
  );
  const labelled = new Map((await readLabelledGold(data)).map((gold) => [gold.id, gold]));
  const { heldOut } = await splitLabelled(data, job);
  const rows = new Map(heldOut.map((row) => [row.id, row]));
  const { pairs } = await heldOutPairs(data, job);
  const own = pairs.map(({ id, a }) => {
    const { goldChosen, goldRejected } = labelled.get(id)!;
    const chosenFirst = sameText(a, rows.get(id)!.chosen);
    return [
      id,
      chosenFirst
        ? { scoreA: goldChosen, scoreB: goldRejected }
        : { scoreA: goldRejected, scoreB: goldChosen },
    ] as const;
  });
  return new Map([...pool, ...own]);
}
