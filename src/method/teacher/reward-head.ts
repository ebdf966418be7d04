/**
 * A Bradley-Terry reward model as a teacher (CW-PO Eq. 5 and 6; Tao & Li App. C): a scalar head read at the last token of each
 * response. A head that was never trained cannot be loaded: `loadModel` refuses a folder without one.
 */
import type { Runtime } from "../../engine/runtime/runtime.ts";
import { type OneModelOptions, openOneModel } from "./one-model.ts";
import type { Teacher } from "./teacher.ts";

/**
 * Opens a reward-head teacher; its margins are log-odds.
 * @throws CheckpointError when the folder has no trained head; ConfigError as `loadTeacherModel`
 */
export const openRewardHead = (runtime: Runtime, options: OneModelOptions): Promise<Teacher> =>
  openOneModel(runtime, options, {
    ...{ kind: "reward-head", role: "reward head", task: "reward" },
    scoresOf: ({ rewards }) => rewards!,
  });
