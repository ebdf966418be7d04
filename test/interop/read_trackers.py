"""What the real tools hold of an import, as JSON, for trackers.test.ts.

    read_trackers.py wandb FOLDER      every history point in all offline runs, by run: wandb's own messages out of its log files
    read_trackers.py mlflow PROJECT    through MLflow's client
    read_trackers.py tensorboard FILE  through TensorBoard's event accumulator
"""

import json
import struct
import sys
from pathlib import Path


def wandb(folder):
    from wandb.proto import wandb_internal_pb2

    runs = {}
    for file in sorted(Path(folder).glob("wandb/offline-run-*/*.wandb")):
        run = None
        for data in records(file.read_bytes()):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(data)
            kind = record.WhichOneof("record_type")
            if kind == "run":
                told = record.run
                run = runs.setdefault(told.run_id, {"points": [], "summary": {}})
                config = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in told.config.update}
                run.update(name=told.display_name, group=told.run_group, project=told.project, config=config)
            elif kind == "history":
                run["points"].append(values_of(record.history.item))
            elif kind == "summary":
                run["summary"].update(values_of(record.summary.update))
    return list(runs.values())


def values_of(items):
    found = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}
    return {key: value for key, value in found.items() if key == "_step" or not key.startswith("_")}


def records(data):
    """LevelDB's log: blocks of 32 KiB, each record a checksum, a length and a kind (1 whole, 2 first, 3 middle, 4 last); W&B's file begins with 7 bytes."""
    at, part = 7, b""
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        part = (b"" if kind in (1, 2) else part) + data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            yield part


def mlflow(project):
    from mlflow.tracking import MlflowClient

    client = MlflowClient()
    runs = client.search_runs([client.get_experiment_by_name(project).experiment_id])
    names = {run.info.run_id: run.info.run_name for run in runs}
    return [
        {
            "name": run.info.run_name,
            "parent": names.get(run.data.tags.get("mlflow.parentRunId")),
            "params": run.data.params,
            "metrics": {
                key: [[one.step, one.value] for one in client.get_metric_history(run.info.run_id, key)]
                for key in run.data.metrics
            },
        }
        for run in runs
    ]


def tensorboard(file):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(file, size_guidance={"scalars": 0})
    events.Reload()
    return {tag: [[one.step, one.value] for one in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


print(json.dumps({"wandb": wandb, "mlflow": mlflow, "tensorboard": tensorboard}[sys.argv[1]](sys.argv[2])))
