/**
 * A generated Python file that runs one training by TRL and tells what happens, a line of JSON at a time, to who started it. It goes on from
 * TRL's last whole checkpoint, checks config and first loss, and does nothing where the training is finished.
 */
import type { ExportFile } from "./request.ts";
import { WEIGHTED_TRAINER } from "./trl-weighted.ts";

/** Name of the generated file. */
export const RUNNER = "run_trl.py";
/** Name of the file that says what it is to do. */
export const RUNNER_JOB = "job.json";
/** Folder in which it leaves the model. */
export const RUNNER_OUT = "out";
/** Begins a line that it says to who started it. */
export const SAID = "@weak-teacher ";
/** Exit code where it refuses the training, after it said why. */
export const REFUSED = 3;

/** The file. */
export const trlRunner = (): ExportFile => ({ path: RUNNER, text: PYTHON });

const PYTHON = `"""One training by TRL, as weak-teacher's stage asked for it. Usage: [launcher] python ${RUNNER} ${RUNNER_JOB}, in the folder of both.

The job: {"trainer": "sft" | "dpo" | "weighted" | "reward", "config": YAML file, "rows": how many, "batch": rows per step,
"first": {"least", "most", "weighted", "why"} or null}. What happens is said on lines that begin with ${SAID.trim()}; everything else
on standard output and standard error is TRL's own.
"""
import dataclasses
import fcntl
import json
import math
import os
import resource
import shutil
import sys
import time

BEGUN = time.time()
OUT, DONE, WHOLE = "${RUNNER_OUT}", "done.json", "whole"
FIRST_PROCESS = int(os.environ.get("RANK", "0")) == 0


def say(event, **members):
    if FIRST_PROCESS:
        print("${SAID}" + json.dumps({"event": event, **members}), flush=True)


def refuse(why):
    say("refused", why=why)
    sys.exit(${REFUSED})


def alone():
    """Waits for an attempt that was cut off and is still ending; the lock goes with its process."""
    if not FIRST_PROCESS:
        return None
    lock = open(".lock", "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def last_checkpoint():
    """The newest checkpoint that is whole; the first process removes others."""
    found = []
    if os.path.isdir("checkpoints"):
        for name in os.listdir("checkpoints"):
            path = os.path.join("checkpoints", name)
            if name.startswith("checkpoint-") and os.path.exists(os.path.join(path, WHOLE)):
                found.append((int(name.split("-")[1]), path))
            elif FIRST_PROCESS:
                shutil.rmtree(path, ignore_errors=True)
    return max(found)[1] if found else None


def synced(path, text):
    with open(path + ".new", "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)


def numbers(logs):
    values = {}
    for name, value in logs.items():
        try:
            number = float(value)
        except (TypeError, ValueError):
            continue
        if math.isfinite(number):
            values[name] = number
    return values


def told(history):
    """The lines of steps in TRL's own history, as they are said."""
    return [{"step": line["step"], "logs": numbers(line)} for line in history if "loss" in line]


def main():
    with open(sys.argv[1]) as file:
        job = json.load(file)
    lock = alone()
    if os.path.exists(DONE):
        # Who listened may have been killed before it heard the end: all is told again.
        with open(DONE) as file:
            finished = json.load(file)
        say("rows", given=finished["given"], trained=finished["facts"]["rows"])
        say("begins", lines=finished["lines"])
        say("done", **finished["facts"])
        return

    import torch
    import yaml
    from datasets import load_dataset
    from transformers import AutoTokenizer, TrainerCallback
    from trl import DPOConfig, DPOTrainer, ModelConfig, RewardConfig, RewardTrainer, ScriptArguments, SFTConfig, SFTTrainer
    from trl import TrlParser, get_peft_config

    kinds = {
        "sft": (SFTConfig, SFTTrainer),
        "dpo": (DPOConfig, DPOTrainer),
        "weighted": (DPOConfig, None),
        "reward": (RewardConfig, RewardTrainer),
    }
    Config, Trainer = kinds[job["trainer"]]
    with open(job["config"]) as file:
        given = yaml.safe_load(file)
    known = {field.name for one in (ScriptArguments, Config, ModelConfig) for field in dataclasses.fields(one)}
    unknown = sorted(set(given) - known)
    if unknown:
        refuse("this TRL does not know " + ", ".join(unknown) + " of " + job["config"])
    script, training, model = TrlParser((ScriptArguments, Config, ModelConfig)).parse_args_and_config(["--config", job["config"]])
    batch = training.world_size * training.per_device_train_batch_size * training.gradient_accumulation_steps
    if batch != job["batch"]:
        refuse(
            f"a step would have {batch} rows ({training.world_size} processes), expected {job['batch']}: "
            "trainer.gpus or trainer.processes must be how many processes trainer.launch starts"
        )

    extra = {}
    weights = []
    if job["trainer"] == "weighted":
        import ${WEIGHTED_TRAINER.replace(".py", "")} as script_of_weights

        class Trainer(script_of_weights.WeightedDPOTrainer):
            def compute_loss(self, model, inputs, *args, **kwargs):
                if self.state.global_step == 0:
                    weights.extend(self.accelerator.gather(inputs["weight"]).tolist())
                return super().compute_loss(model, inputs, *args, **kwargs)

    rows = load_dataset(script.dataset_name, split="train")
    if job["trainer"] == "weighted" and script_of_weights.NORMALISE_BY_WEIGHTS:
        extra["mean_weight"] = sum(rows["weight"]) / len(rows)

    class Telling(TrainerCallback):
        def on_log(self, args, state, control, logs=None, **kwargs):
            if not logs or "loss" not in logs:
                return
            loss = float(logs["loss"])
            if state.global_step == 1:
                check_first(loss)
            if not math.isfinite(loss):
                refuse(f"the loss of step {state.global_step} is {loss}; lower the learning rate")
            say("metrics", step=state.global_step, logs=numbers(logs))

        def on_save(self, args, state, control, **kwargs):
            if torch.distributed.is_available() and torch.distributed.is_initialized():
                # Every process writes a part of it: the mark comes after the last.
                torch.distributed.barrier()
            if FIRST_PROCESS:
                path = os.path.join("checkpoints", f"checkpoint-{state.global_step}")
                # FSDP and DeepSpeed have folders in it.
                for folder, _, names in os.walk(path):
                    for name in names:
                        with open(os.path.join(folder, name), "rb") as file:
                            os.fsync(file.fileno())
                synced(os.path.join(path, WHOLE), "")

    def check_first(loss):
        first = job["first"]
        if first is None:
            return
        factor = 1.0
        if first["weighted"]:
            factor = sum(weights) / max(len(weights), 1) / extra.get("mean_weight", 1.0)
        least, most = first["least"] * factor, first["most"] * factor
        if not least <= loss <= most:
            refuse(f"the loss of the first step is {loss:.6g}, expected {first['why']}" + (f" ({least:.6g} to {most:.6g})" if most < 1e300 else f" (at least {least:.6g})"))

    training.output_dir = "checkpoints"
    training.model_init_kwargs = {**(training.model_init_kwargs or {}), "dtype": model.dtype, "revision": model.model_revision}
    if model.attn_implementation is not None:
        training.model_init_kwargs["attn_implementation"] = model.attn_implementation
    trainer = Trainer(
        model.model_name_or_path,
        args=training,
        train_dataset=rows,
        processing_class=AutoTokenizer.from_pretrained(model.model_name_or_path),
        peft_config=get_peft_config(model),
        callbacks=[Telling()],
        **extra,
    )
    trained = len(trainer.train_dataset)
    if trained == 0:
        refuse(f"TRL left out all of the {len(rows)} rows: none has a response within max_length")
    say("rows", given=len(rows), trained=trained)

    checkpoint = last_checkpoint()
    history = []
    if checkpoint is not None:
        with open(os.path.join(checkpoint, "trainer_state.json")) as file:
            history = json.load(file)["log_history"]
        lines = [line for line in history if "loss" in line]
        # TRL counts tokens from where a process began.
        if lines and "num_tokens" in lines[-1]:
            trainer._total_train_tokens = lines[-1]["num_tokens"]
    say("begins", lines=told(history))
    trainer.train(resume_from_checkpoint=checkpoint)
    trainer.save_model(OUT)
    cuda = torch.cuda.is_available() and not training.use_cpu
    facts = {
        "steps": trainer.state.global_step,
        "rows": trained,
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "processes": training.world_size,
        "seconds": time.time() - BEGUN,
        "peakBytes": torch.cuda.max_memory_allocated() if cuda else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    if FIRST_PROCESS:
        for name in os.listdir(OUT):
            with open(os.path.join(OUT, name), "rb") as file:
                os.fsync(file.fileno())
        synced(DONE, json.dumps({"facts": facts, "given": len(rows), "lines": told(trainer.state.log_history)}))
    say("done", **facts)


if __name__ == "__main__":
    main()
`;
