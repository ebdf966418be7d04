"""What transformers' own Trainer does with series of validation values: the step whose weights come out, and the step it ends at.

usage: python early_stopping.py CASES OUT   (torch, transformers; CASES: JSON list of {values, metric, patience, min_delta})
"""
import json
import sys

import torch
from transformers import EarlyStoppingCallback, Trainer, TrainingArguments

CASES, OUT = sys.argv[1:3]


class Model(torch.nn.Module):
    """One weight, which counts the steps."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return {"loss": -self.weight.sum() + 0 * x.sum()}


class Replay(Trainer):
    """A Trainer whose evaluations give the next value of a series."""

    def evaluate(self, *_, **__):
        step = self.state.global_step
        metrics = {"eval_value": self.values[step - 1]}
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


def run(case, i):
    args = TrainingArguments(
        output_dir=f"{OUT}/{i}",
        max_steps=len(case["values"]),
        learning_rate=1.0,
        lr_scheduler_type="constant",
        optim="sgd",
        max_grad_norm=0,
        per_device_train_batch_size=1,
        eval_strategy="steps",
        eval_steps=1,
        save_strategy="steps",
        save_steps=1,
        load_best_model_at_end=True,
        metric_for_best_model="value",
        greater_is_better=case["metric"] == "accuracy",
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
    )
    callbacks = []
    if case["patience"] is not None:
        callbacks.append(EarlyStoppingCallback(case["patience"], case["min_delta"]))
    data = [{"x": torch.zeros(1)} for _ in range(4)]
    trainer = Replay(model=Model(), args=args, train_dataset=data, eval_dataset=data, callbacks=callbacks)
    trainer.values = case["values"]
    trainer.train()
    return {"ended": trainer.state.global_step, "kept": round(trainer.model.weight.item())}


with open(CASES) as file:
    cases = json.load(file)
results = [run(case, i) for i, case in enumerate(cases)]
with open(f"{OUT}/results.json", "w") as file:
    json.dump(results, file)
