/** Who labels in a job, resolved. */
import type { LoraOptions } from "../../engine/model/lora.ts";
import type { GivenTeacher } from "../../method/teacher/given-teachers.ts";
import type { FewBits } from "../../method/teacher/precision-settings.ts";
import type { ScoreForm } from "../../method/teacher/score-form.ts";
import type { TrainSettings } from "../../method/train/settings.ts";
import type { ModelSource, PreferSettings } from "./model-settings.ts";
import type { TrlTrainer } from "./trainer.ts";

/** A teacher that learns from the labelled pairs. */
export type TrainedTeacher = {
  readonly kind: "implicit-reward" | "likelihood" | "reward-head";
  /** Undefined where the base itself is trained on preferences, and is the reference. */
  readonly sft?: TrainSettings | undefined;
  /** Adapters in fine-tuning. */
  readonly sftLora?: LoraOptions | undefined;
  /** Adapters in preference training, or below a reward head. */
  readonly lora?: LoraOptions | undefined;
  /** Of all kinds but the reward head. */
  readonly prefer?: PreferSettings;
  /** Of the reward head only. */
  readonly reward?: TrainSettings;
  /** Factor of the implicit reward, above 0. */
  readonly beta: number;
  readonly score: ScoreForm;
  /** Of the weights while it scores; undefined for float32. */
  readonly precision?: FewBits | undefined;
  /** Who trains it, where that is not this program. */
  readonly trainer?: TrlTrainer | undefined;
};

/** One of several: its training settings carry its own seed. */
export type TeacherMember = TrainedTeacher & {
  readonly weak: ModelSource;
  readonly seed: number;
  /** Learns from a bootstrap sample of the labelled prompts, drawn with its seed. */
  readonly bootstrap: boolean;
};

/** A teacher alone. */
export type SingleTeacher = TrainedTeacher | GivenTeacher;

/** One of the two teachers of a cascade, with the model that is trained or asked, where it has one. */
export type CascadeStep = { readonly teacher: SingleTeacher; readonly weak: ModelSource | undefined };

/** Who labels. */
export type TeacherSettings =
  | SingleTeacher
  | {
      readonly kind: "cascade";
      readonly first: CascadeStep;
      readonly second: CascadeStep;
      /** In [0.5, 1]: from which calibrated confidence on the first one's label stays. */
      readonly sure: number;
    }
  | { readonly kind: "ensemble"; readonly members: readonly TeacherMember[] };

/** The form of a teacher's scores. Those of an ensemble and a cascade are sums of what its members' own forms gave. */
export const scoreFormOf = (teacher: TeacherSettings): ScoreForm =>
  "score" in teacher ? teacher.score : { form: "sum" };

/** True for a teacher that is one model trained here. */
export const isTrained = (teacher: TeacherSettings): teacher is TrainedTeacher =>
  teacher.kind === "implicit-reward" || teacher.kind === "likelihood" || teacher.kind === "reward-head";

/** What the stages of the teacher at a place have behind their names: nothing, "-2", "-3". */
export const suffixOf = (place: number) => (place === 0 ? "" : `-${place + 1}`);

/** A member with its place among the job's teachers, from 0: its stages are numbered by it. */
export type PlacedMember = TeacherMember & { readonly place: number };

/** The models that a job trains to label: one, the members of an ensemble, those of a cascade that learn, or none. */
export function membersOf(
  teacher: TeacherSettings,
  seed: number,
  weak: ModelSource | undefined,
): readonly PlacedMember[] {
  if (teacher.kind === "ensemble") return teacher.members.map((member, place) => ({ ...member, place }));
  return stepsOf(teacher, weak).flatMap((step, place) => {
    const { teacher: one, weak: model } = step;
    return isTrained(one) ? [{ ...one, weak: model!, seed, bootstrap: false, place }] : [];
  });
}

/** Teachers that learn nothing here, with their places; a local judge has a model. */
export function givensOf(
  teacher: TeacherSettings,
  weak: ModelSource | undefined,
): readonly {
  readonly given: GivenTeacher;
  readonly model: ModelSource | undefined;
  readonly place: number;
}[] {
  return stepsOf(teacher, weak).flatMap(({ teacher: one, weak: model }, place) =>
    isTrained(one) ? [] : [{ given: one, model, place }],
  );
}

/** A single teacher, or the two of a cascade; none of an ensemble. */
function stepsOf(teacher: TeacherSettings, weak: ModelSource | undefined): readonly CascadeStep[] {
  if (teacher.kind === "ensemble") return [];
  return teacher.kind === "cascade" ? [teacher.first, teacher.second] : [{ teacher, weak }];
}

/** The kind and what there is of it, for people: "implicit reward", "ensemble of 3". */
export function teacherWords(teacher: TeacherSettings): string {
  switch (teacher.kind) {
    case "implicit-reward":
      return "the implicit reward of a preference-trained model";
    case "likelihood":
      return "the likelihood of a preference-trained model";
    case "reward-head":
      return "a Bradley-Terry reward head";
    case "ensemble": {
      const kinds = [...new Set(teacher.members.map(teacherWords))].join(" or ");
      return `the mean calibrated probability of ${teacher.members.length} teachers, each ${kinds}`;
    }
    case "cascade":
      return `a cascade (${teacherWords(teacher.first.teacher)}; where it is less than ${teacher.sure} sure, ${teacherWords(teacher.second.teacher)})`;
    case "judge-local":
      return 'a prompted local model, by its log-probabilities of "1" and "2" in both orders';
    case "judge-chat":
      return `the prompted model ${teacher.model} behind ${teacher.url}, asked in both orders`;
    case "remote": {
      const { model, reference, url } = teacher;
      if (teacher.gives === "rewards") return `the reward model ${model} behind ${url}`;
      return reference === undefined
        ? `the likelihood under ${model} behind ${url}`
        : `the implicit reward of ${model} against ${reference} behind ${url}`;
    }
    case "random":
      return "random scores (a control)";
    case "longer":
      return "taking the longer response (a control)";
    case "gold":
      return "the gold scores (a control)";
    case "noisy-human":
      return `people's own labels with noise (${teacher.noise.kind}; a control)`;
    default:
      return teacher satisfies never;
  }
}
