/** `weak-teacher/labels`: from two scores of a pair to a calibrated, weighted, selected label. Page: docs/api/labels.md. */

export { agreementWith, coverageCurve } from "./method/evaluate/agreement.ts";
export { type GoldScorer, openGoldScorer } from "./method/evaluate/gold.ts";
export { type Calibrator, fitCalibrator } from "./method/labels/calibration.ts";
export type { Label } from "./method/labels/label.ts";
export { makeLabels } from "./method/labels/plan-labels.ts";
export { openTeacher, type TeacherChoice } from "./method/teacher/choice.ts";
export { openImplicitReward } from "./method/teacher/implicit-reward.ts";
export { type LabelPoolOptions, labelPool } from "./method/teacher/score-pool.ts";
export type { Teacher } from "./method/teacher/teacher.ts";
