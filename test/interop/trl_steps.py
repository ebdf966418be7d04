"""Optimiser steps by TRL's own trainers on rows of token ids, for trl-steps.test.ts: one process for all, since importing TRL takes longest.

usage: trl_steps.py JOBS OUT
JOBS: {"scratch": folder, "weighted": path of the generated trainer if a job has it, "jobs": [{"name", "trainer", "model", "args", "rows"}, ...]}, and in a job
"keep_padding" (leave Embedding.padding_idx as transformers sets it) and "attention". Rows are taken one after another, never shuffled.
OUT: {"versions": {...}, "runs": {name: [line per step]}, "failed": {name: why}}, lines as the Trainer logs them.
"""

import importlib.util
import json
import os
import sys
import traceback

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import accelerate  # noqa: E402
import datasets  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
import trl  # noqa: E402
from tokenizers import Tokenizer, models  # noqa: E402
from transformers import (  # noqa: E402
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    PreTrainedTokenizerFast,
    PrinterCallback,
)
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, RewardConfig, RewardTrainer, SFTConfig, SFTTrainer  # noqa: E402
from trl.experimental.cpo import CPOConfig, CPOTrainer  # noqa: E402
from trl.experimental.orpo import ORPOConfig, ORPOTrainer  # noqa: E402

transformers.logging.set_verbosity_error()
datasets.disable_progress_bars()
torch.set_num_threads(1)

with open(sys.argv[1]) as f:
    ASKED = json.load(f)


def given(self, dataset, *args, **kwargs):
    """In place of a trainer's preparation: the rows are ids already."""
    return dataset


class Dpo(DPOTrainer):
    _prepare_dataset = given


class Kto(KTOTrainer):
    _prepare_dataset = given


class InIds:
    """CPO and ORPO prepare rows one by one, into these columns."""

    def tokenize_row(self, feature, model=None):
        out = {"prompt": "", "chosen": "", "rejected": ""}
        for side in ("chosen", "rejected"):
            ids = feature["prompt_ids"] + feature[f"{side}_ids"]
            out[f"{side}_input_ids"] = ids
            out[f"{side}_attention_mask"] = [1] * len(ids)
            out[f"{side}_labels"] = [-100] * len(feature["prompt_ids"]) + feature[f"{side}_ids"]
        return out


class Cpo(InIds, CPOTrainer):
    pass


class Orpo(InIds, ORPOTrainer):
    pass


def weighted():
    """The trainer that `export` writes, out of its file."""
    spec = importlib.util.spec_from_file_location("weighted", ASKED["weighted"])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    class Weighted(module.WeightedDPOTrainer):
        _prepare_dataset = given

    return Weighted


TRAINERS = {
    "sft": (SFTTrainer, SFTConfig),
    "dpo": (Dpo, DPOConfig),
    **({"weighted": (weighted(), DPOConfig)} if "weighted" in ASKED else {}),
    "kto": (Kto, KTOConfig),
    "cpo": (Cpo, CPOConfig),
    "orpo": (Orpo, ORPOConfig),
    "reward": (RewardTrainer, RewardConfig),
}


def tokenizer(model):
    """A vocabulary of the model's size: the trainers ask a tokenizer for its end and padding tokens, and here for nothing else."""
    size, pad = model.config.vocab_size, model.config.pad_token_id
    vocab = {f"t{i}": i for i in range(size)}
    words = Tokenizer(models.WordLevel(vocab, unk_token="t0"))
    return PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token=f"t{model.config.eos_token_id}", pad_token="t0" if pad is None else f"t{pad}"
    )


def train(job):
    kind, Config = TRAINERS[job["trainer"]]
    auto = AutoModelForSequenceClassification if job["trainer"] == "reward" else AutoModelForCausalLM
    model = auto.from_pretrained(job["model"], dtype=torch.float32, attn_implementation=job.get("attention", "eager"))
    if not job.get("keep_padding"):
        for module in model.modules():
            if isinstance(module, torch.nn.Embedding):
                module.padding_idx = None
    args = dict(
        output_dir=ASKED["scratch"],
        num_train_epochs=1,
        train_sampling_strategy="sequential",
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        bf16=False,
        use_cpu=True,
        gradient_checkpointing=False,
        disable_tqdm=True,
        **job["args"],
    )
    trainer = kind(
        model=model,
        args=Config(**args),
        train_dataset=datasets.Dataset.from_list(job["rows"]),
        processing_class=tokenizer(model),
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return [line for line in trainer.state.log_history if "loss" in line]


runs, failed = {}, {}
for job in ASKED["jobs"]:
    try:
        runs[job["name"]] = train(job)
    except Exception:
        failed[job["name"]] = traceback.format_exc()
versions = {one.__name__: one.__version__ for one in (torch, transformers, trl, accelerate, datasets)}
with open(sys.argv[2], "w") as f:
    json.dump({"versions": versions, "runs": runs, "failed": failed}, f)
