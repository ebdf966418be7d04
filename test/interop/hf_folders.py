"""Model folders through transformers and back, for hf-folders.test.ts: reads those that this project wrote, and writes each anew.

usage: hf_folders.py IN OUT   IN/ids.json: {"ids": [...], "new": tokens}; every other entry of IN is a model folder.
OUT gets expected.json, {name: {"logits" | "scores", "greedy"}}, and for each folder three of transformers' own: NAME (one file),
NAME-sharded and NAME-bfloat16, with what transformers computes from them under their names. All is computed in float32.
"""

import json
import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import torch  # noqa: E402
import transformers  # noqa: E402
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification  # noqa: E402

transformers.logging.set_verbosity_error()
torch.set_num_threads(1)
source, out = sys.argv[1:3]
with open(os.path.join(source, "ids.json")) as f:
    asked = json.load(f)
ids = torch.tensor([asked["ids"]])


def load(path, dtype=torch.float32):
    with open(os.path.join(path, "config.json")) as f:
        reward = "ForSequenceClassification" in json.load(f)["architectures"][0]
    auto = AutoModelForSequenceClassification if reward else AutoModelForCausalLM
    model, told = auto.from_pretrained(path, dtype=dtype, attn_implementation="eager", output_loading_info=True)
    lacking = {key: sorted(told[key]) for key in ("missing_keys", "unexpected_keys", "mismatched_keys") if told[key]}
    if lacking:
        raise ValueError(f"{path}: {lacking}")
    return reward, model.eval()


@torch.no_grad()
def outputs(path):
    reward, model = load(path)
    values = model(input_ids=ids).logits.flatten().tolist()
    if reward:
        return {"scores": values}
    greedy = model.generate(ids, max_new_tokens=asked["new"], do_sample=False, eos_token_id=-1, pad_token_id=0)
    return {"logits": values, "greedy": greedy[0, ids.shape[1] :].tolist()}


expected = {}
for name in sorted(os.listdir(source)):
    path = os.path.join(source, name)
    if not os.path.isdir(path):
        continue
    expected[name] = outputs(path)
    _, model = load(path)
    model.save_pretrained(os.path.join(out, name))
    model.save_pretrained(os.path.join(out, f"{name}-sharded"), max_shard_size="8KB")
    model.to(torch.bfloat16).save_pretrained(os.path.join(out, f"{name}-bfloat16"))
    expected[f"{name}-bfloat16"] = outputs(os.path.join(out, f"{name}-bfloat16"))
with open(os.path.join(out, "expected.json"), "w") as f:
    json.dump(expected, f)
