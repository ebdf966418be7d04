"""The types that `datasets` gives the columns of label folders: {folder: {"parquet" | "folder" | "bare": {column: type}, "rows": both}} for labels-types.test.ts."""

import json
import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")
from datasets import disable_progress_bars, load_dataset  # noqa: E402

disable_progress_bars()
root, cache = sys.argv[1:3]
found = {}
for name in sorted(os.listdir(root)):
    path = os.path.join(root, name)
    alone = lambda kind, file: load_dataset(kind, data_files=os.path.join(path, file), split="train", cache_dir=cache)
    table, bare = alone("parquet", "training.parquet"), alone("json", "training.jsonl")
    whole = load_dataset(path, split="train", cache_dir=cache)
    types = lambda rows: {column: str(feature) for column, feature in rows.features.items()}
    found[name] = {
        "parquet": types(table),
        "folder": types(whole),
        "bare": types(bare),
        "rows": [table.to_list(), whole.to_list()],
    }
json.dump(found, sys.stdout)
