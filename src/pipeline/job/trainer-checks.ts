/** Trainings of a job that others do: whether they can, before anything is computed. */
import { ConfigError } from "../../base/core/errors.ts";
import { resolveFlip } from "../../method/objective/loss-spec.ts";
import type { TrainSettings } from "../../method/train/settings.ts";
import { trlProblems } from "../elsewhere/trl-job.ts";
import { trlVersions } from "../elsewhere/trl-versions.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import type { PreferSettings } from "../recipe/model-settings.ts";
import { membersOf } from "../recipe/teacher-settings.ts";
import type { TrlTrainer } from "../recipe/trainer.ts";

type Asked = { readonly settings: TrainSettings | undefined; readonly loss?: PreferSettings["loss"] };

/** A share of flipped labels that stands for one that is not known yet. */
const SOME_FLIP = 0.1;

/** Settings that a trainer of others lacks. @throws ConfigError with all of them, and what else can be done */
export function checkTrainers(job: MainJob): void {
  const { student, arms } = job;
  const problems: string[] = [];
  const ask = (trainer: TrlTrainer, { settings, loss }: Asked, where: string) => {
    if (settings === undefined) return;
    const resolved = loss && resolveFlip("flip" in loss ? { ...loss, flip: SOME_FLIP } : loss);
    problems.push(...trlProblems({ settings, loss: resolved }, trainer, where));
  };
  if (student.trainer !== undefined) {
    ask(student.trainer, { settings: student.sft }, "student.sft");
    ask(student.trainer, student.prefer, "student.prefer");
    for (const { name, prefer } of arms) if (prefer) ask(student.trainer, prefer, `arms.${name}.prefer`);
  }
  for (const { trainer, sft, prefer, reward } of teachers(job)) {
    if (trainer === undefined) continue;
    ask(trainer, { settings: sft }, "teacher.sft");
    if (prefer) ask(trainer, prefer, "teacher.prefer");
    ask(trainer, { settings: reward }, "teacher.reward");
  }
  problems.push(...keptProblems(job));
  if (problems.length > 0) throw new ConfigError([...new Set(problems)]);
}

/** Adapters that are to be kept alone where another trainer merges them. */
function keptProblems(job: MainJob): string[] {
  const roles = [
    ["student", job.student] as const,
    ...teachers(job).map((teacher) => ["teacher", teacher] as const),
  ];
  return roles.flatMap(([role, { trainer, lora, sftLora }]) =>
    trainer === undefined
      ? []
      : ([["lora", lora] as const, ["sft.lora", sftLora] as const] as const).flatMap(([where, one]) =>
          one?.keep === "adapter"
            ? [
                `${role}.${where}.keep: adapter has no effect with ${role}.trainer trl, whose stages keep merged models. Leave it out.`,
              ]
            : [],
        ),
  );
}

/** Trainers' Pythons and versions, on the machine that computes. @throws ConfigError as `trlVersions` */
export async function checkTrainersThere(job: MainJob): Promise<void> {
  const asked = [
    ["student", job.student.trainer] as const,
    ...teachers(job).map(({ trainer }) => ["teacher", trainer] as const),
  ];
  const seen = new Set<string>();
  for (const [who, trainer] of asked) {
    if (trainer === undefined || seen.has(JSON.stringify(trainer))) continue;
    seen.add(JSON.stringify(trainer));
    await trlVersions(trainer, `${who}.trainer`);
  }
}

/** Who trains in a stage where that is not this program, by the stage's name; members of an ensemble have one trainer each. */
export function trainerOfStage(job: MainJob, stage: string): TrlTrainer | undefined {
  if (stage.startsWith("student-")) return job.student.trainer;
  const place = /^teacher(?:-(\d+))?-/.exec(stage);
  return place === null
    ? undefined
    : teachers(job).find((one) => one.place === Number(place[1] ?? 1) - 1)?.trainer;
}

const teachers = ({ teacher, seed, models }: MainJob) => membersOf(teacher, seed, models.weak);
