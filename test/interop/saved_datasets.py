"""Writes a preference dataset in every way that `datasets` saves one, under the folder named: for saved-datasets.test.ts."""

import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")
from datasets import Dataset, DatasetDict, disable_progress_bars  # noqa: E402

disable_progress_bars()
folder = sys.argv[1]
rows = [
    {
        "prompt": [{"role": "user", "content": f"Frage {i}: wie schön?"}],
        "chosen": [{"role": "assistant", "content": f"Sehr {i} 日本"}],
        "rejected": [{"role": "assistant", "content": f"Kaum {i}"}],
        "score_chosen": 2.5 + i,
        "score_rejected": 1.0,
        "id": f"r{i}",
    }
    for i in range(7)
]
whole = Dataset.from_list(rows)
whole.to_json(os.path.join(folder, "twin.jsonl"), force_ascii=False)
whole.save_to_disk(os.path.join(folder, "one"))
whole.save_to_disk(os.path.join(folder, "shards"), num_shards=3)
# Chosen rows in another order: what is saved is what was chosen.
whole.select([5, 1, 3]).save_to_disk(os.path.join(folder, "chosen"))
DatasetDict({"train": whole, "test": whole.select([0])}).save_to_disk(os.path.join(folder, "dict"))
os.makedirs(os.path.join(folder, "hub", "data"))
for i in range(2):
    whole.shard(2, i, contiguous=True).to_parquet(os.path.join(folder, "hub", "data", f"train-0000{i}-of-00002.parquet"))
