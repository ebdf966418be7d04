/** A generated Python file: TRL's DPO trainer with a weight per pair (CW-PO eq. 7, https://arxiv.org/abs/2603.04968), which TRL lacks (trl#5613). */
import { ConfigError } from "../../base/core/errors.ts";
import type { ResolvedLossSpec } from "../../method/objective/loss-spec.ts";
import type { ExportFile } from "./request.ts";

/** Name of the generated file. */
export const WEIGHTED_TRAINER = "train_weighted_dpo.py";

/**
 * The file. Its arguments are read from the YAML beside it, so the two cannot disagree.
 * @throws ConfigError for a loss other than plain sigmoid
 */
export function weightedTrainer(
  config: Readonly<Record<string, unknown>>,
  loss: ResolvedLossSpec,
): ExportFile {
  if (loss.type !== "sigmoid" || loss.sftCoefficient > 0)
    throw new ConfigError(
      `--to trl: weights go with plain sigmoid DPO only, got "${loss.type}"${loss.type === "sigmoid" ? " with sft_coefficient" : ""}. Use --weights resample or --weights filter.`,
    );
  const unused = ["loss_weights"].filter((name) => name in config);
  if (unused.length > 0) throw new Error(`internal: ${unused.join(", ")} in the config of weighted DPO`);
  const mean = loss.normalise === "weights";
  return { path: WEIGHTED_TRAINER, text: PYTHON.replace("%NORMALISE%", mean ? "True" : "False") };
}

const PYTHON = `"""Weighted DPO: TRL's DPOTrainer with one weight per pair, read from the column "weight".

    loss = mean over pairs of  -weight * logsigmoid(beta * ((policy - reference) margin of summed log-probabilities))

Written by weak-teacher and tested with TRL 1.16: the first logged loss is mean(weight) * 0.6931. Usage: python ${WEIGHTED_TRAINER} dpo.yaml
"""
import sys

import torch
import torch.nn.functional as F
from datasets import load_dataset
from transformers import AutoTokenizer
from trl import DPOConfig, DPOTrainer, ModelConfig, ScriptArguments, TrlParser, get_peft_config

# True: losses are divided by the mean weight of the data set.
NORMALISE_BY_WEIGHTS = %NORMALISE%


class WithWeights:
    """A collator that passes the column "weight" on beside what another collator makes."""

    def __init__(self, collate):
        self.collate = collate

    def __call__(self, examples):
        weights = [float(example["weight"]) for example in examples]
        batch = self.collate([{k: v for k, v in example.items() if k != "weight"} for example in examples])
        batch["weight"] = torch.tensor(weights)
        return batch


class WeightedDPOTrainer(DPOTrainer):
    def __init__(self, *args, mean_weight=1.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.data_collator = WithWeights(self.data_collator)
        self.mean_weight = mean_weight

    def _set_signature_columns_if_needed(self):
        super()._set_signature_columns_if_needed()
        if "weight" not in self._signature_columns:
            self._signature_columns = [*self._signature_columns, "weight"]

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        inputs = dict(inputs)
        weight, mask = inputs.pop("weight"), inputs.pop("completion_mask")[:, 1:]
        reference = inputs.pop("ref_chosen_logps") - inputs.pop("ref_rejected_logps")
        outputs = model(**inputs, use_cache=False)
        logps = F.log_softmax(outputs.logits[:, :-1].float(), dim=-1)
        logps = logps.gather(-1, inputs["input_ids"][:, 1:, None]).squeeze(-1)
        # The first half of the batch is chosen, the second rejected.
        chosen, rejected = (logps * mask).sum(-1).chunk(2)
        margin = self.args.beta * (chosen - rejected - reference.to(chosen.device))
        loss = -(weight.to(margin.device) / self.mean_weight * F.logsigmoid(margin)).mean()
        return (loss, outputs) if return_outputs else loss


def main():
    parser = TrlParser((ScriptArguments, DPOConfig, ModelConfig))
    script, training, model = parser.parse_args_and_config(["--config", sys.argv[1]])
    rows = load_dataset(script.dataset_name, split="train")
    if not training.precompute_ref_log_probs:
        raise ValueError("precompute_ref_log_probs must be true: the loss reads the reference's log-probabilities")
    tokenizer = AutoTokenizer.from_pretrained(model.model_name_or_path)
    mean_weight = sum(rows["weight"]) / len(rows) if NORMALISE_BY_WEIGHTS else 1.0
    trainer = WeightedDPOTrainer(
        model.model_name_or_path,
        args=training,
        train_dataset=rows,
        processing_class=tokenizer,
        peft_config=get_peft_config(model),
        mean_weight=mean_weight,
    )
    trainer.train()
    trainer.save_model(training.output_dir)


if __name__ == "__main__":
    main()
`;
