"""Adapters trained by TRL's own SFTTrainer and RewardTrainer under PEFT, step by step, for comparison.

usage: python lora_steps.py OUT   (torch, transformers 5, trl, peft; nothing is downloaded)

OUT has `base/` (a tiny Llama of 264 tokens), and gets for each of sft and reward: `start-NAME/` (the adapter that training begins with, B not zero),
`end-NAME/` (the adapter after the steps) and, in expected.json, rows, loss and gradient norm of every step.
"""
import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel, get_peft_model
from tokenizers import Tokenizer, models
from transformers import LlamaForCausalLM, LlamaForSequenceClassification, PreTrainedTokenizerFast
from trl import RewardConfig, RewardTrainer, SFTConfig, SFTTrainer

OUT = sys.argv[1]
STEPS = 3
torch.manual_seed(0)
SIZE = 264
ids = lambda n: torch.randint(3, SIZE, (n,)).tolist()
ROWS = [{"prompt": ids(2 + i % 4), "chosen": ids(2 + i % 5), "rejected": ids(1 + i % 6)} for i in range(6)]


def tokenizer():
    """Of no use but its ids for padding and ends: rows are ids already."""
    vocab = {f"t{i}": i for i in range(SIZE)}
    inner = Tokenizer(models.WordLevel(vocab, unk_token="t0"))
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="t2", pad_token="t0", bos_token="t1")


def adapted(model, task):
    """The adapter's start: both halves random, so that the first step has a gradient everywhere."""
    lora = LoraConfig(task_type=task, r=4, lora_alpha=8, lora_dropout=0.0, target_modules=["q_proj", "v_proj", "up_proj"])
    wrapped = get_peft_model(model, lora)
    with torch.no_grad():
        for name, p in wrapped.named_parameters():
            if "lora_" in name or "modules_to_save" in name:
                p.copy_(0.2 * torch.randn_like(p))
    return wrapped


def arguments(kind, name):
    return kind(
        output_dir=f"{OUT}/run-{name}", max_steps=STEPS, per_device_train_batch_size=len(ROWS),
        learning_rate=1e-2, lr_scheduler_type="constant", max_grad_norm=1.0, weight_decay=0.0,
        logging_steps=1, save_strategy="no", report_to="none", use_cpu=True, bf16=False,
        gradient_checkpointing=False, disable_tqdm=True, max_length=None,
    )


def finish(name, trainer, expected):
    trainer.train()
    trainer.model.save_pretrained(f"{OUT}/end-{name}")
    lines = [line for line in trainer.state.log_history if "loss" in line]
    expected[name] = [{"loss": line["loss"], "grad_norm": line["grad_norm"]} for line in lines]


def score(folder, task):
    """PEFT's own outputs with an adapter, for what was trained here."""
    cls = LlamaForSequenceClassification if task == "SEQ_CLS" else LlamaForCausalLM
    more = {"num_labels": 1} if task == "SEQ_CLS" else {}
    base = cls.from_pretrained(f"{OUT}/base", **more)
    model = PeftModel.from_pretrained(base, folder).eval()
    outputs = []
    for row in ROWS:
        with torch.no_grad():
            logits = model(torch.tensor([row["prompt"] + row["chosen"]])).logits[0]
        # A reward, or the logits that predict the response's tokens.
        start = len(row["prompt"]) - 1
        outputs.append(logits.tolist() if task == "SEQ_CLS" else logits[start:-1].flatten().tolist())
    return outputs


def main():
    expected = {"rows": ROWS}
    policy = adapted(LlamaForCausalLM.from_pretrained(f"{OUT}/base"), "CAUSAL_LM")
    policy.save_pretrained(f"{OUT}/start-sft")
    data = Dataset.from_list(
        [
            {
                "input_ids": row["prompt"] + row["chosen"],
                "completion_mask": [0] * len(row["prompt"]) + [1] * len(row["chosen"]),
            }
            for row in ROWS
        ]
    )
    args = arguments(SFTConfig, "sft")
    args.completion_only_loss = True
    finish("sft", SFTTrainer(model=policy, args=args, train_dataset=data, processing_class=tokenizer()), expected)

    head = LlamaForSequenceClassification.from_pretrained(f"{OUT}/base", num_labels=1)
    head = adapted(head, "SEQ_CLS")
    head.save_pretrained(f"{OUT}/start-reward")
    pairs = Dataset.from_list(
        [
            {"chosen_ids": row["prompt"] + row["chosen"], "rejected_ids": row["prompt"] + row["rejected"]}
            for row in ROWS
        ]
    )
    args = arguments(RewardConfig, "reward")
    finish("reward", RewardTrainer(model=head, args=args, train_dataset=pairs, processing_class=tokenizer()), expected)
    with open(f"{OUT}/expected.json", "w") as file:
        json.dump(expected, file)


if len(sys.argv) > 2:
    print(json.dumps(score(sys.argv[2], sys.argv[3])))
else:
    main()
