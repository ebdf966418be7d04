"""TRL's side of a preference step: its DPOTrainer on the same token ids, sorted by length, the reference's log-probabilities computed before, AdamW.
Its padding-free collator is switched off in 1.16 ("temporarily unavailable"), so micro-batches of like lengths are what there is. Prints one JSON line;
tokens count each prompt once, whatever the trainer computes.
"""
import argparse
import json
import logging
import os
import statistics
import tempfile
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import datasets  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
import trl  # noqa: E402
from tokenizers import Tokenizer, models  # noqa: E402
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, PrinterCallback, TrainerCallback  # noqa: E402
from trl import DPOConfig, DPOTrainer  # noqa: E402

ap = argparse.ArgumentParser()
for name in ("model", "rows"):
    ap.add_argument(f"--{name}", required=True)
for name in ("batch", "micro", "threads"):
    ap.add_argument(f"--{name}", type=float, required=True)
ap.add_argument("--lora", type=int)
a = ap.parse_args()
torch.set_num_threads(int(a.threads))
transformers.logging.set_verbosity_error()
logging.disable(logging.WARNING)
datasets.disable_progress_bars()


class GivenIds(DPOTrainer):
    def _prepare_dataset(self, dataset, *args, **kwargs):
        """The rows are ids already."""
        return dataset


class Clock(TrainerCallback):
    def __init__(self):
        self.seconds = []

    def on_step_begin(self, *args, **kwargs):
        self.start = time.perf_counter()

    def on_step_end(self, *args, **kwargs):
        self.seconds.append(time.perf_counter() - self.start)


def tokenizer(model):
    """The trainer asks it for its end and padding tokens, and for nothing else here."""
    words = Tokenizer(models.WordLevel({f"t{i}": i for i in range(model.config.vocab_size)}, unk_token="t0"))
    return PreTrainedTokenizerFast(tokenizer_object=words, eos_token="t2", pad_token="t0")


with open(a.rows) as f:
    pairs = json.load(f)
size = lambda pair: len(pair["prompt"]) + sum(len(ids) for ids in pair["responses"])  # noqa: E731
pairs.sort(key=size)
batch, micro = int(a.batch), max(1, int(a.micro))
pairs = pairs[: len(pairs) // batch * batch]
rows = [{"prompt_ids": p["prompt"], "chosen_ids": p["responses"][0], "rejected_ids": p["responses"][1]} for p in pairs]
model = AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32, attn_implementation="sdpa")
peft = None
if a.lora:
    from peft import LoraConfig

    peft = LoraConfig(r=a.lora, lora_alpha=16, lora_dropout=0.05, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
clock = Clock()
with tempfile.TemporaryDirectory() as folder:
    config = DPOConfig(
        output_dir=folder,
        num_train_epochs=1,
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=batch // micro,
        learning_rate=1e-6,
        train_sampling_strategy="sequential",
        precompute_ref_log_probs=True,
        max_length=None,
        save_strategy="no",
        report_to="none",
        logging_steps=10**6,
        bf16=False,
        use_cpu=True,
        gradient_checkpointing=False,
        disable_tqdm=True,
    )
    trainer = GivenIds(
        model=model,
        args=config,
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=tokenizer(model),
        callbacks=[clock],
        peft_config=peft,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
# The first step warms up; sorted rows make steps of growing length, so each is counted with its own tokens.
tokens = [sum(size(pair) for pair in pairs[i : i + batch]) for i in range(0, len(pairs), batch)]
counted, took = sum(tokens[1:]), sum(clock.seconds[1:])
print(json.dumps({
    "tokens_per_s": counted / took,
    "seconds_per_step": statistics.mean(clock.seconds[1:]),
    "versions": {"trl": trl.__version__, "torch": torch.__version__, "transformers": transformers.__version__},
}))
