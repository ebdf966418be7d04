/** Supervised fine-tuning: the mean negative log-likelihood of response tokens. */
import { DataError } from "../../base/core/errors.ts";
import type { TokenRow } from "../data/packing.ts";
import { responseLogps } from "../objective/logps.ts";
import { sftLoss } from "../objective/sft.ts";
import { digestRows } from "./identity.ts";
import type { LossData, StageDeps, StageInput, TrainResult } from "./job.ts";
import { train } from "./loop.ts";
import type { BuildLoss } from "./programs.ts";

/** What SFT takes: rows of one response each. */
export type SftInput = StageInput & {
  readonly rows: readonly TokenRow[];
  /** Rows to measure the loss on. */
  readonly validation?: readonly TokenRow[] | undefined;
};

const build: BuildLoss = (run, { decoder }, { normaliser, chunks }) => ({
  loss: sftLoss(responseLogps(decoder, run, { chunks }).perToken, normaliser),
  values: {},
});

/**
 * Trains a language model on responses. `loss` is nats per response token of the global batch.
 * @throws DataError for a row without exactly one response; as `train` otherwise
 */
export async function trainSft(
  deps: StageDeps,
  { rows, validation, ...input }: SftInput,
): Promise<TrainResult> {
  return train(deps, {
    ...input,
    stage: "sft",
    identity: `sft${validation === undefined ? "" : ` ${digestRows(validation)}`}`,
    build,
    data: tokenData(rows),
    validation: validation && tokenData(validation),
    metrics: (batches) => ({ loss: batches.reduce((total, { loss }) => total + loss, 0) }),
  });
}

/** Rows whose loss is a mean over response tokens. */
function tokenData(rows: readonly TokenRow[]): LossData {
  const bad = rows.findIndex(({ responses }) => responses.length !== 1);
  if (bad >= 0)
    throw new DataError(
      "sft",
      bad + 1,
      `expected one response in a row, got ${rows[bad]!.responses.length}.`,
    );
  return {
    rows,
    normaliser: (indices) => indices.reduce((total, index) => total + rows[index]!.responses[0]!.length, 0),
  };
}
