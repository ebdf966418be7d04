/** What sections `teacher`, `label`, `models` and `data` must be to each other. */
import type { z } from "zod";
import type { SettingIssue } from "../../base/settings/issues.ts";
import type { Arm } from "./arms.ts";
import type { Recipe, recipeSchema } from "./schema.ts";
import { CASCADE_STEPS, hasModel, learns, needsWeak, singlesIn } from "./teacher.ts";

type Parsed = z.output<typeof recipeSchema>;

/** Share of the labelled prompts that is held out, unless a recipe says another. */
const HELD_OUT = 0.1;

/** Temperature of a world's simulated people, unless a recipe says how far they agree with gold. */
const TAU = 0.5;

/** Everything that does not go together. */
export function teacherIssues(recipe: Parsed): SettingIssue[] {
  return [
    ...weakIssues(recipe),
    ...labelIssues(recipe),
    ...ensembleIssues(recipe),
    ...cascadeIssues(recipe),
    ...goldIssues(recipe),
  ];
}

/** Arms that are validated otherwise than the first: their students would differ by the rule, not by the labels. */
export function validationIssues(arms: readonly Arm[], student: Parsed["student"]["prefer"]): SettingIssue[] {
  const ruleOf = ({ prefer }: Arm) => JSON.stringify((prefer ?? student).validation ?? null);
  const trained = arms.flatMap((arm, i) => (arm.training === "prefer" ? [{ arm, i }] : []));
  return trained.flatMap(({ arm, i }) =>
    ruleOf(arm) === ruleOf(trained[0]!.arm)
      ? []
      : [
          {
            path: ["arms", i, "prefer", "validation"],
            problem: `is not that of arm ${trained[0]!.arm.name}: a difference between their students would be one of the rule, too. Write it in student.prefer, for all arms.`,
          },
        ],
  );
}

/** The held-out share with its default, where it has an effect. */
export function withHeldOut<R extends Pick<Recipe, "label" | "teacher">>(recipe: R): R {
  const { label, teacher } = recipe;
  if (label.heldOut !== undefined || label.calibrationFolds > 0 || !learns(teacher)) return recipe;
  return { ...recipe, label: { ...label, heldOut: HELD_OUT } };
}

/** The temperature of a world's people with its default, where their agreement with gold is not given in its place. */
export function withTau<R extends Pick<Recipe, "data">>(recipe: R): R {
  const { data } = recipe;
  if (data.world === undefined || data.world.tau !== undefined || data.world.goldAgreement !== undefined)
    return recipe;
  return { ...recipe, data: { ...data, world: { ...data.world, tau: TAU } } };
}

function weakIssues({ models, teacher }: Parsed): SettingIssue[] {
  const path = ["models", "weak"];
  const { kind } = teacher;
  if (needsWeak(teacher) && !models.weak)
    return [{ path, problem: `is missing; teacher.kind ${kind} needs it.` }];
  if (!needsWeak(teacher) && models.weak)
    return [
      {
        path,
        problem: `has no effect with teacher.kind ${kind}. Remove it, or set it to null over a recipe that has it.`,
      },
    ];
  const read = kind === "cascade" ? stepModels(teacher, models.weak) : [{ path, kind, weak: models.weak }];
  return read.flatMap((one) =>
    one.kind === "judge-local" && one.weak?.vocabulary === "trim"
      ? [
          {
            path: [...one.path, "vocabulary"],
            problem:
              "trim has no use for a judge, whose question has words that the data does not. Use keep.",
          },
        ]
      : [],
  );
}

/** The models of a cascade's teachers, and where they are written. */
const stepModels = (
  teacher: Extract<Parsed["teacher"], { kind: "cascade" }>,
  weak: Parsed["models"]["weak"],
) =>
  CASCADE_STEPS.map((step) => ({
    path: teacher[step].weak === undefined ? ["models", "weak"] : ["teacher", step, "weak"],
    kind: teacher[step].teacher.kind,
    weak: teacher[step].weak ?? weak,
  }));

function labelIssues({ label, labelled, teacher, arms }: Parsed): SettingIssue[] {
  const { calibrationFolds: folds, heldOut, select } = label;
  const issues: SettingIssue[] = [];
  const at = (key: string, problem: string) => issues.push({ path: ["label", key], problem });
  if (!learns(teacher)) {
    const why = `has no effect with teacher.kind ${teacher.kind}, which learns from no labelled pairs: all of them are held out. Remove it.`;
    if (heldOut !== undefined) at("held_out", why);
    if (folds > 0) at("calibration_folds", why);
    const set = Object.entries(labelled).filter(([, value]) => value !== undefined);
    for (const [key] of set)
      issues.push({
        path: ["labelled", key],
        problem: `has no effect with teacher.kind ${teacher.kind}, which learns from no labelled pairs. Remove it.`,
      });
    return issues;
  }
  if (folds === 0) return issues;
  if (heldOut !== undefined)
    at(
      "held_out",
      "has no effect with calibration_folds: every labelled pair is scored out of fold. Remove it.",
    );
  if (select.kind === "promise") at("select", NO_PROMISE);
  for (const [i, arm] of arms.entries())
    if (arm.select?.kind === "promise") issues.push({ path: ["arms", i, "select"], problem: NO_PROMISE });
  return issues;
}

const NO_PROMISE =
  "a promise needs pairs scored by the very teacher that labels, and with calibration_folds none are. Use held_out, or select by top or threshold.";

function ensembleIssues({ teacher, labelled, seed }: Parsed): SettingIssue[] {
  if (teacher.kind !== "ensemble" || typeof teacher.members === "number") return [];
  const { members, bootstrap } = teacher;
  const issues: SettingIssue[] = [];
  const seen = new Map<string, number>();
  for (const [i, member] of members.entries()) {
    const own = JSON.stringify([
      member.seed ?? (labelled.seed ?? seed) + i,
      member.bootstrap ?? bootstrap,
      member.weak ?? null,
      member.teacher ?? null,
    ]);
    const before = seen.get(own);
    if (before !== undefined)
      issues.push({
        path: ["teacher", "members", i],
        problem: `is the same teacher as member ${before}. Give it another seed, model or kind.`,
      });
    seen.set(own, i);
  }
  return issues;
}

function cascadeIssues({ teacher, label, arms }: Parsed): SettingIssue[] {
  if (teacher.kind !== "cascade") return [];
  const idle = CASCADE_STEPS.flatMap((step): SettingIssue[] =>
    hasModel(teacher[step].teacher) || teacher[step].weak === undefined
      ? []
      : [
          {
            path: ["teacher", step, "weak"],
            problem: `has no effect with kind ${teacher[step].teacher.kind}, of which no model here is trained or asked. Remove it.`,
          },
        ],
  );
  const same =
    JSON.stringify(teacher.first) === JSON.stringify(teacher.second)
      ? [{ path: ["teacher", "second"], problem: "is the first teacher again, expected another." }]
      : [];
  const fitted = (key: string, is: boolean, problem: string) =>
    is ? [{ path: ["label", key], problem }] : [];
  const promises = arms.flatMap(({ select }, i) =>
    select?.kind === "promise" ? [{ path: ["arms", i, "select"], problem: CASCADE_PROMISE }] : [],
  );
  return [
    ...idle,
    ...same,
    ...fitted(
      "calibration",
      label.calibration === "none",
      "none says nothing of how sure a teacher is, and a cascade goes by that. Use temperature, platt or isotonic.",
    ),
    ...fitted(
      "calibration_folds",
      label.calibrationFolds > 0,
      "are not for a cascade: both its teachers are calibrated on the same held-out pairs. Use held_out.",
    ),
    ...fitted("select", label.select.kind === "promise", CASCADE_PROMISE),
    ...promises,
  ];
}

// Two fitted curves can order pairs by the very answers they were fitted on, as one cannot.
const CASCADE_PROMISE =
  "a promise needs pairs that neither teacher was calibrated on, and a cascade has none. Select by top or threshold.";

function goldIssues({ teacher, data }: Parsed): SettingIssue[] {
  return data.world !== undefined
    ? []
    : singlesIn(teacher).flatMap(({ path, teacher: { kind } }) =>
        kind === "gold"
          ? [
              {
                path: ["teacher", ...path, "kind"],
                problem: "gold needs data.world: files hold no gold scores.",
              },
            ]
          : [],
      );
}
