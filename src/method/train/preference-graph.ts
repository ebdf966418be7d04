/** Preference losses on a packed batch of pairs. */
import { input, type Tensor } from "../../engine/graph/tensor.ts";
import { responseLogps } from "../objective/logps.ts";
import type { ResolvedLossSpec } from "../objective/loss-spec.ts";
import { batchLoss } from "../objective/normalise.ts";
import { splitPairs } from "../objective/pairs.ts";
import {
  type LossInput,
  lossInputs,
  type PreferenceInputs,
  preferenceLoss,
} from "../objective/preference.ts";
import type { BuildLoss } from "./programs.ts";

/** The graph of a loss; its inputs are fed by `preferenceData`, its values are `PairOutputs` and `chosenLengths`. */
export function preferenceGraph(spec: ResolvedLossSpec): BuildLoss {
  const wanted = lossInputs(spec);
  const when = <T>(name: LossInput, make: () => T): T | undefined => (wanted.has(name) ? make() : undefined);
  return (run, { decoder }, { normaliser, chunks }) => {
    const logps = responseLogps(decoder, run, { sequences: "2*P", chunks });
    const policy = splitPairs(logps.summed);
    const lengths = splitPairs(logps.lengths);
    const inputs: PreferenceInputs = {
      policy,
      reference: when("reference", () => splitPairs(input("reference", "float", ["2*P"]))),
      lengths: when("lengths", () => lengths),
      pChosen: when("pChosen", () => input("softLabels", "float", ["P"])),
      weights: when("weights", () => input("pairWeights", "float", ["P"])),
      klEstimate: when("klEstimate", () => input("klEstimate", "float", [])),
      tokens: when("tokens", () => tokenRatios(logps.perToken)),
    };
    const { losses, chosenRewards, rejectedRewards } = preferenceLoss(spec, inputs);
    return {
      loss: batchLoss(losses, normaliser),
      values: {
        losses,
        chosenRewards,
        rejectedRewards,
        chosenLogps: policy.chosen,
        rejectedLogps: policy.rejected,
        chosenLengths: lengths.chosen,
      },
    };
  };
}

function tokenRatios(policy: Tensor): NonNullable<PreferenceInputs["tokens"]> {
  return {
    policy,
    reference: input("tokenReference", "float", policy.shape),
    teacherLogratios: input("tokenTeacher", "float", policy.shape),
    owners: input("tokenOwners", "int", policy.shape),
  };
}
