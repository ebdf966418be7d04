"""Token ids of preference rows as TRL's own data preparation makes them, for trl-boundary.test.ts.

Reads JSON from standard input: {tokenizer: folder, specials: {...}, templates: {name: source}, rows: [{prompt, chosen, rejected}]},
with "trl_templates": true to add those that TRL ships. Writes {name: [{prompt, chosen, rejected, sft} | {error}]}.
"""

import glob
import json
import logging
import os
import sys
from types import SimpleNamespace

os.environ.setdefault("HF_HUB_OFFLINE", "1")
from datasets import Dataset, disable_progress_bars  # noqa: E402
from transformers import PreTrainedTokenizerFast  # noqa: E402
import trl  # noqa: E402
from trl.data_utils import _tokenize, common_prefix_length  # noqa: E402
from trl.trainer.dpo_trainer import DPOTrainer  # noqa: E402

logging.disable(logging.WARNING)
disable_progress_bars()


def prepared(tokenizer, row):
    args = SimpleNamespace(dataset_num_proc=None, max_length=None, truncation_mode="keep_start")
    trainer = SimpleNamespace(_tokenizer=tokenizer, _is_vision_dataset=False)
    made = DPOTrainer._prepare_dataset(trainer, Dataset.from_list([row]), tokenizer, args, "train")[0]
    # SFT's preparation of prompt and completion, `tokenize_fn` of trl/trainer/sft_trainer.py.
    alone = _tokenize(tokenizer, row["prompt"], add_generation_prompt=True)["input_ids"]
    whole = _tokenize(tokenizer, row["prompt"] + row["chosen"])["input_ids"]
    return {
        "prompt": made["prompt_ids"],
        "chosen": made["chosen_ids"],
        "rejected": made["rejected_ids"],
        "sft": common_prefix_length(alone, whole),
    }


def attempt(tokenizer, row):
    try:
        return prepared(tokenizer, row)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def main():
    asked = json.load(sys.stdin)
    templates = dict(asked["templates"])
    if asked.get("trl_templates"):
        for path in glob.glob(os.path.join(os.path.dirname(trl.__file__), "chat_templates", "*.jinja")):
            with open(path, encoding="utf-8") as file:
                templates["trl:" + os.path.basename(path)] = file.read()
    result = {}
    for name, source in templates.items():
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_file=os.path.join(asked["tokenizer"], "tokenizer.json"), **asked["specials"]
        )
        tokenizer.chat_template = source
        result[name] = {"source": source, "rows": [attempt(tokenizer, row) for row in asked["rows"]]}
    json.dump(result, sys.stdout)


main()
