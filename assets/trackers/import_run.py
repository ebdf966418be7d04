#!/usr/bin/env python3
"""Writes a run of weak-teacher into Weights & Biases or MLflow.

    python import_run.py runs/mine --to wandb
    python import_run.py runs/mine --to mlflow --project alignment

RUN is the folder of a run, or one that `sft`, `prefer` or `reward` wrote. Every training in it becomes a run there, named after its stage, with the points
of its metrics.jsonl under TensorBoard's names (train/loss, eval/loss) and its settings as config. The whole run becomes one more, with the recipe as
config and the final figures of report.json; the trainings are grouped with it (a group in W&B, child runs in MLflow).

Where things go is said as these tools say it: WANDB_MODE=offline, WANDB_DIR, WANDB_ENTITY, MLFLOW_TRACKING_URI. Called again, it writes only
points that are not there yet. Needs Python 3.9 with wandb or mlflow; nothing else of weak-teacher needs Python.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

CURVES = Path("log") / "metrics.jsonl"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="the folder of a run or of one training")
    parser.add_argument("--to", choices=["wandb", "mlflow"], required=True)
    parser.add_argument("--project", default="weak-teacher", help="project (W&B) or experiment (MLflow)")
    parser.add_argument("--name", help="name of the run there, default that of its folder")
    given = parser.parse_args()
    folder = given.run.resolve()
    name = given.name or folder.name
    trainings = [read_training(path.parent.parent, name) for path in curves_of(folder)]
    whole = read_whole(folder, name)
    if not trainings and whole is None:
        sys.exit(f"{given.run}: holds no {CURVES}, no stages and no report.json. Name the folder of a run, or of a training.")
    write = to_wandb if given.to == "wandb" else to_mlflow
    for told in write(given.project, name, whole, trainings):
        print(told)


def curves_of(folder):
    """Paths of metrics.jsonl: of the training that the folder is, and of all finished stages; work in progress begins with a dot."""
    own = [folder / CURVES] if (folder / CURVES).exists() else []
    return own + sorted(path for path in (folder / "stages").glob(f"[!.]*/{CURVES}"))


def read_training(folder, group):
    """One training: who it is in all later calls, its settings, and its points as {step: {name: value}}."""
    record = json.loads((folder / "stage.json").read_text(encoding="utf-8"))
    identity = record["identity"]
    points = {}
    for line in (folder / CURVES).read_text(encoding="utf-8").splitlines():
        values = json.loads(line)
        step = values.pop("global_step")
        points.setdefault(step, {}).update({tag_of(key): value for key, value in values.items()})
    # Of the same content under the same name there is one; another result is another run.
    id = hashlib.sha256(f"{group}/{record['key']}".encode()).hexdigest()[:16]
    millis = int((folder / CURVES).stat().st_mtime * 1000)
    config = {"stage": identity["name"], **identity["config"]}
    return {"id": id, "name": identity["name"], "config": config, "points": points, "millis": millis, "figures": {}}


def tag_of(name):
    """As the event files beside it have it."""
    return f"eval/{name[5:]}" if name.startswith("eval_") else f"train/{name}"


def read_whole(folder, name):
    """The run itself: its recipe, and the figures of its report where it has one; None for a single training."""
    recipe = folder / "recipe.yaml"
    if not recipe.exists():
        return None
    report = folder / "report.json"
    figures = figures_of(json.loads(report.read_text(encoding="utf-8"))) if report.exists() else {}
    if not figures:
        print(f"note: {folder.name} has no figures yet; call this again when its report is there")
    # Another recipe under the same name is another run.
    id = hashlib.sha256(f"{name}/whole/{recipe.read_text(encoding='utf-8')}".encode()).hexdigest()[:16]
    config = read_yaml(recipe.read_text(encoding="utf-8"))
    millis = int((report if report.exists() else recipe).stat().st_mtime * 1000)
    return {"id": id, "name": name, "config": config, "points": {}, "millis": millis, "figures": figures}


def read_yaml(text):
    """As YAML 1.2 has it: to PyYAML, 1e-8 is a text."""
    import re

    import yaml  # Both tools bring it.

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789"))
    return yaml.load(text, Loader)


def figures_of(report):
    """Estimates with their intervals: weak/goldReward, …/low, …/high, …/n; and how often each labeller agrees. Tables stay in the report."""
    found = {}
    for arm in report.get("arms", []):
        for key, value in arm.items():
            found.update(interval(f"{arm['name']}/{key}", value))
    for row in report.get("agreement", []):
        found.update(interval(f"labels/{row['labeller']} with {row['against']}", row.get("agreement")))
    return found


def interval(name, value):
    if not isinstance(value, dict) or not isinstance(value.get("estimate"), (int, float)):
        return {}
    parts = {f"{name}/{part}": value[part] for part in ("low", "high", "n") if isinstance(value.get(part), (int, float))}
    return {name: value["estimate"], **parts}


def to_wandb(project, group, whole, trainings):
    import wandb

    for one in ([whole] if whole else []) + trainings:
        before = wandb_before(one)
        points = {step: values for step, values in sorted(one["points"].items()) if step > before["last_step"]}
        if not points and one["figures"] == before["figures"] and before["there"]:
            yield f"{one['name']}: there already, {len(one['points'])} points"
            continue
        run = wandb.init(
            project=project,
            group=group,
            id=one["id"],
            name=one["name"],
            job_type="run" if one is whole else "training",
            config=one["config"],
            resume="allow",
            settings=wandb.Settings(console="off", disable_git=True, disable_code=True, x_disable_stats=True),
        )
        # Online, the server knows how far an earlier import came.
        points = {step: values for step, values in points.items() if step >= run.step}
        for step, values in points.items():
            run.log(values, step=step)
        run.summary.update(one["figures"])
        place = Path(run.dir).parent
        run.finish()
        done = {"last_step": max(one["points"], default=-1), "figures": one["figures"]}
        if place.name.startswith("offline-run-"):
            (place / WANDB_DONE).write_text(json.dumps(done), encoding="utf-8")
        yield f"{one['name']}: {len(points)} points, {len(one['figures'])} figures"


# In a folder of an offline run: what was written to its end. A folder without it was cut off.
WANDB_DONE = "weak-teacher.json"


def wandb_before(one):
    """What offline folders hold of a run; those that were cut off before their end are removed, since what they hold is written again."""
    import os
    import shutil

    before = {"there": False, "last_step": -1, "figures": {}}
    home = Path(os.environ.get("WANDB_DIR", ".")) / "wandb"
    for place in sorted(home.glob(f"offline-run-*-{one['id']}")):
        mark = place / WANDB_DONE
        if mark.exists():
            done = json.loads(mark.read_text(encoding="utf-8"))
            before = {"there": True, "last_step": max(before["last_step"], done["last_step"]), "figures": done["figures"]}
        else:
            print(f"note: {place} was cut off by an earlier import and is written again")
            shutil.rmtree(place)
    return before


def to_mlflow(project, group, whole, trainings):
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.tracking import MlflowClient

    client = MlflowClient()
    found = client.get_experiment_by_name(project)
    experiment = found.experiment_id if found else client.create_experiment(project)
    parent = None
    for one in ([whole] if whole else []) + trainings:
        there = client.search_runs([experiment], f"tags.`weak_teacher.id` = '{one['id']}'")
        if there:
            run = there[0].info.run_id
        else:
            tags = {"weak_teacher.id": one["id"], "weak_teacher.run": group}
            if parent:
                tags["mlflow.parentRunId"] = parent
            run = client.create_run(experiment, tags=tags, run_name=one["name"]).info.run_id
        if one is whole:
            parent = run
        known = client.get_run(run).data
        params = [Param(key, text) for key, text in flat(one["config"]) if key not in known.params]
        at = one["millis"]
        metrics = [Metric(key, value, at, step) for step, values in one["points"].items() for key, value in values.items()]
        metrics += [Metric(mlflow_name(key), value, at, 0) for key, value in one["figures"].items()]
        missing = not_there(client, run, known.metrics, metrics)
        for begin in range(0, len(params), 100):
            client.log_batch(run, params=params[begin : begin + 100])
        # The server's bound is 1,000.
        for begin in range(0, len(missing), 1000):
            client.log_batch(run, metrics=missing[begin : begin + 1000])
        client.log_batch(run, tags=[RunTag("weak_teacher.imported", str(len(metrics)))])
        client.set_terminated(run)
        yield f"{one['name']}: {len(missing)} values written, {len(metrics) - len(missing)} there already"


def not_there(client, run, known, metrics):
    """Those whose step the run does not have yet, or, of a final figure that changed, has with another value."""
    history = {key: {point.step: point.value for point in client.get_metric_history(run, key)} for key in known}
    return [one for one in metrics if history.get(one.key, {}).get(one.step) != one.value]


def mlflow_name(key):
    return "".join(sign if sign.isalnum() or sign in "_-./ :" else "_" for sign in key)


def flat(config, prefix=""):
    """Parameters as MLflow has them: dotted names, texts of at most 6,000 characters."""
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from flat(value, f"{name}.")
        else:
            yield mlflow_name(name), (value if isinstance(value, str) else json.dumps(value))[:6000]


if __name__ == "__main__":
    main()
