/** What an audit is asked for: whose labels, which teacher, how it is trained. */
import { z } from "zod";
import { ConfigError } from "../../../base/core/errors.ts";
import { settingsOf } from "../../../base/settings/set.ts";
import type { TokenLimits } from "../../../engine/text/pair.ts";
import type { LoadOptions } from "../../../method/data/load.ts";
import type { Source } from "../../../method/data/source.ts";
import { type CalibrationMethod, calibrationSchema } from "../../../method/labels/calibration.ts";
import { type ScoreForm, scoreSchema } from "../../../method/teacher/score-form.ts";
import type { TrainSettings } from "../../../method/train/settings.ts";
import { preferOf } from "../../recipe/job.ts";
import type { ModelSource, PreferSettings } from "../../recipe/model-settings.ts";
import { preferSchema, rewardSchema, sftSchema } from "../../recipe/training.ts";
import { AUDIT_DEFAULTS, type AuditKind } from "./kinds.ts";

/** How a fold's teacher is trained. */
export type AuditTeacher = {
  readonly sft: TrainSettings;
  readonly form: ScoreForm;
} & (
  | { readonly kind: "implicit-reward"; readonly prefer: PreferSettings; readonly beta: number }
  | { readonly kind: "reward-head"; readonly reward: TrainSettings }
  | { readonly kind: "likelihood" }
);

/** One audit. */
export type AuditRequest = {
  readonly file: Source;
  readonly digest: string;
  readonly read: Omit<LoadOptions, "log">;
  readonly limits: TokenLimits;
  readonly model: ModelSource;
  readonly teacher: AuditTeacher;
  readonly calibration: CalibrationMethod;
  readonly folds: number;
  readonly seed: number;
  /** Share of labels to flip first, to measure how well they are found; in (0, 1). */
  readonly plant: number | undefined;
};

const calibration = calibrationSchema.default("platt");
const shapes = {
  "implicit-reward": z.strictObject({
    sft: sftSchema.prefault({}),
    prefer: preferSchema.prefault({}),
    score: scoreSchema.prefault("sum"),
    calibration,
  }),
  "reward-head": z.strictObject({
    sft: sftSchema.prefault({}),
    reward: rewardSchema.prefault({}),
    score: scoreSchema.prefault("sum"),
    calibration,
  }),
  likelihood: z.strictObject({
    sft: sftSchema.prefault({}),
    score: scoreSchema.prefault("sum"),
    calibration,
  }),
};

/**
 * The teacher's training and the calibration out of texts of `--set`, over the defaults.
 * @throws ConfigError with every issue, settings without effect on the kind among them
 */
export function auditSettings(
  kind: AuditKind,
  set: readonly string[],
  seed: number,
): { readonly teacher: AuditTeacher; readonly calibration: AuditRequest["calibration"] } {
  const texts = [...AUDIT_DEFAULTS[kind], ...set];
  switch (kind) {
    case "implicit-reward": {
      const { sft, prefer, score, calibration } = settingsOf(shapes[kind], texts);
      const own = preferOf(prefer, seed, "prefer.loss");
      checkLoss(own);
      const beta = "beta" in own.loss ? own.loss.beta : 1;
      return {
        teacher: { kind, sft: { ...sft, seed }, prefer: own, beta, form: score },
        calibration,
      };
    }
    case "reward-head": {
      const { sft, reward, score, calibration } = settingsOf(shapes[kind], texts);
      const form = score;
      return { teacher: { kind, sft: { ...sft, seed }, reward: { ...reward, seed }, form }, calibration };
    }
    case "likelihood": {
      const { sft, score, calibration } = settingsOf(shapes[kind], texts);
      return { teacher: { kind, sft: { ...sft, seed }, form: score }, calibration };
    }
    default:
      return kind satisfies never;
  }
}

function checkLoss({ loss }: PreferSettings): void {
  if (loss.weighted || loss.type === "soft")
    throw new ConfigError(
      "--set prefer.loss: labels under audit have no weights and no probabilities; use a plain loss.",
    );
  if ("flip" in loss && loss.flip === "auto")
    throw new ConfigError("--set prefer.loss.flip: auto needs a calibrated teacher; name a share.");
}
