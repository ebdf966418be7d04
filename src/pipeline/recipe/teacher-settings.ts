/** Who labels in a job, resolved. */
import type { LoraOptions } from "../../engine/model/lora.ts";
import type { GivenTeacher } from "../../method/teacher/given-teachers.ts";
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

/** Who labels. */
export type TeacherSettings =
  | TrainedTeacher
  | GivenTeacher
  | { readonly kind: "ensemble"; readonly members: readonly TeacherMember[] };

/** The form of a teacher's scores. Those of an ensemble are sums of what its members' own forms gave. */
export const scoreFormOf = (teacher: TeacherSettings): ScoreForm =>
  "score" in teacher ? teacher.score : { form: "sum" };

/** True for a teacher that is one model trained here. */
export const isTrained = (teacher: TeacherSettings): teacher is TrainedTeacher =>
  teacher.kind === "implicit-reward" || teacher.kind === "likelihood" || teacher.kind === "reward-head";

/** The models that a job trains to label: one, the members of an ensemble, or none. */
export function membersOf(
  teacher: TeacherSettings,
  seed: number,
  weak: ModelSource | undefined,
): readonly TeacherMember[] {
  if (teacher.kind === "ensemble") return teacher.members;
  return isTrained(teacher) ? [{ ...teacher, weak: weak!, seed, bootstrap: false }] : [];
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
