/** Section `teacher` of a recipe with its seeds and defaults filled in. */
import { inFewBits } from "../../method/teacher/precision-settings.ts";
import type { ModelSource, PreferSettings } from "./model-settings.ts";
import { hasModel, type RecipeStep, type RecipeTeacher, type RecipeTrained } from "./teacher.ts";
import type {
  CascadeStep,
  SingleTeacher,
  TeacherMember,
  TeacherSettings,
  TrainedTeacher,
} from "./teacher-settings.ts";
import { trainerOf } from "./trainer.ts";
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

/** The teacher of a recipe. An ensemble of one is that one teacher. @throws ConfigError as `context.prefer` */
export function teacherOf(teacher: RecipeTeacher, context: TeacherContext): TeacherSettings {
  switch (teacher.kind) {
    case "ensemble":
      return { kind: "ensemble", members: membersOf(teacher, context) };
    case "cascade": {
      const { kind, sure, first, second } = teacher;
      return {
        kind,
        sure,
        first: stepOf(first, "first", context),
        second: stepOf(second, "second", context),
      };
    }
    default:
      return singleOf(teacher, "teacher", context);
  }
}

function stepOf({ teacher, weak }: RecipeStep, step: string, context: TeacherContext): CascadeStep {
  return {
    teacher: singleOf(teacher, `teacher.${step}.teacher`, context),
    weak: hasModel(teacher) ? (weak ?? context.weak) : undefined,
  };
}

function singleOf(teacher: RecipeStep["teacher"], where: string, context: TeacherContext): SingleTeacher {
  switch (teacher.kind) {
    case "implicit-reward":
    case "likelihood":
    case "reward-head":
      return trainedOf(teacher, context.seed, where, context);
    default:
      return teacher;
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
  const trainer = trainerOf(teacher.trainer);
  const common = {
    ...{ kind: teacher.kind, sft: sft?.settings, sftLora: sft?.lora, lora, score: teacher.score },
    ...inFewBits(teacher.precision),
    ...(trainer && { trainer }),
  };
  if (teacher.kind === "reward-head") return { ...common, reward: { ...teacher.reward, seed }, beta: 1 };
  const trained = prefer(teacher.prefer, seed, `${where}.prefer.loss`);
  const own = "beta" in teacher ? teacher.beta : undefined;
  return { ...common, prefer: trained, beta: own ?? betaOf(trained) ?? 1 };
}

const betaOf = ({ loss }: PreferSettings) => ("beta" in loss ? loss.beta : undefined);
