/**
 * The raw likelihood of a model as a teacher: log π(y | x), summed over the tokens of y, with no reference to compare with. This is
 * the scorer that CW-PO gives its WS-DPO baseline (papers.md 4.3, Table 6); it prefers what is short and common.
 */
import type { Runtime } from "../../engine/runtime/runtime.ts";
import { type OneModelOptions, openOneModel } from "./one-model.ts";
import type { Teacher } from "./teacher.ts";

/** Opens a likelihood teacher; scores are nats. @throws CheckpointError or ConfigError as `loadTeacherModel` */
export const openLikelihood = (runtime: Runtime, options: OneModelOptions): Promise<Teacher> =>
  openOneModel(runtime, options, {
    ...{ kind: "likelihood", role: "policy", task: "language-model" },
    scoresOf: ({ logps }) => logps,
  });
