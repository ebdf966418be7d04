/** Section `teacher` of a recipe in the words of the main job. */
import { ConfigError } from "../../base/core/errors.ts";
import type { HumanNoise } from "../../method/teacher/choice.ts";
import { rewardSettingProblems } from "../../method/teacher/remote/served-gives.ts";
import type { ScoreForm } from "../../method/teacher/score-form.ts";
import type { ModelSource, PreferSettings } from "./model-settings.ts";
import type { RecipeTeacher, RecipeTrained } from "./teacher.ts";
import type { TeacherMember, TeacherSettings, TrainedTeacher } from "./teacher-settings.ts";
import { sftOf } from "./training.ts";

/** What a section is resolved with. */
export type TeacherContext = {
  readonly seed: number;
  /** Undefined where no teacher needs it. */
  readonly weak: ModelSource | undefined;
  /** Preference settings in the words of the training room, with a seed. @param where - for messages */
  readonly prefer: (
    settings: Extract<RecipeTrained, { prefer: unknown }>["prefer"],
    seed: number,
    where: string,
  ) => PreferSettings;
};

type RecipeMember = Exclude<Extract<RecipeTeacher, { kind: "ensemble" }>["members"], number>[number];

/** Names in a recipe of what has no effect on served rewards. */
const OF_RECIPE = {
  ...{ referenceName: "teacher.reference", beta: "teacher.beta" },
  ...{ server: "teacher.server", gives: "teacher.gives" },
};

/** The teacher of a recipe. An ensemble of one is that one teacher. @throws ConfigError as `context.prefer` */
export function teacherOf(teacher: RecipeTeacher, context: TeacherContext): TeacherSettings {
  const form: ScoreForm = { form: "sum" };
  switch (teacher.kind) {
    case "implicit-reward":
    case "likelihood":
    case "reward-head":
      return trainedOf(teacher, context.seed, "teacher", context);
    case "ensemble":
      return { kind: "ensemble", members: membersOf(teacher, context), form };
    case "judge-local":
      return { kind: teacher.kind, prompt: teacher.prompt, form };
    case "judge-chat": {
      const { model, ...rest } = teacher;
      return { ...rest, endpointModel: model, form };
    }
    case "remote": {
      const { model: modelName, reference: referenceName, score, ...rest } = teacher;
      const problems =
        rest.gives === "rewards" ? rewardSettingProblems({ ...rest, referenceName }, OF_RECIPE) : [];
      if (problems.length > 0) throw new ConfigError(problems);
      if (referenceName === undefined && rest.beta !== undefined)
        throw new ConfigError("teacher.beta: has no effect without teacher.reference. Leave it out.");
      return { ...rest, modelName, referenceName, form: score };
    }
    case "random":
    case "longer":
    case "gold":
      return { kind: teacher.kind, form };
    case "noisy-human":
      return { kind: teacher.kind, noise: noiseOf(teacher.noise), form };
    default:
      return teacher satisfies never;
  }
}

function membersOf(
  { members, bootstrap, teacher }: Extract<RecipeTeacher, { kind: "ensemble" }>,
  context: TeacherContext,
): TeacherMember[] {
  const list: readonly RecipeMember[] =
    typeof members === "number" ? Array.from({ length: members }, () => ({})) : members;
  return list.map((member, i) => {
    const seed = member.seed ?? context.seed + i;
    const where = member.teacher === undefined ? "teacher.teacher" : `teacher.members[${i}].teacher`;
    return {
      ...trainedOf(member.teacher ?? teacher, seed, where, context),
      weak: member.weak ?? context.weak!,
      seed,
      bootstrap: member.bootstrap ?? bootstrap,
    };
  });
}

function trainedOf(
  teacher: RecipeTrained,
  seed: number,
  where: string,
  { prefer }: TeacherContext,
): TrainedTeacher {
  const sft = teacher.sft === null ? undefined : sftOf(teacher.sft, seed);
  const lora = teacher.lora ?? undefined;
  const common = { kind: teacher.kind, sft: sft?.settings, sftLora: sft?.lora, lora, form: teacher.score };
  if (teacher.kind === "reward-head") return { ...common, reward: { ...teacher.reward, seed }, beta: 1 };
  const trained = prefer(teacher.prefer, seed, `${where}.prefer.loss`);
  const own = "beta" in teacher ? teacher.beta : undefined;
  return { ...common, prefer: trained, beta: own ?? betaOf(trained) ?? 1 };
}

const betaOf = ({ loss }: PreferSettings) => ("beta" in loss ? loss.beta : undefined);

function noiseOf(noise: Extract<RecipeTeacher, { kind: "noisy-human" }>["noise"]): HumanNoise {
  return noise.kind === "annotator"
    ? { noise: noise.kind, rates: noise.rates }
    : { noise: noise.kind, rate: noise.rate };
}
