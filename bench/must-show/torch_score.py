"""PyTorch's side of scoring: log-probabilities of responses, rows sorted by length and batched to a budget of padded tokens, the head on response
tokens alone, no gradients. Reads the same token ids as ours; prints one JSON line.

--kernels onednn puts the linear layers on oneDNN's products: MKL, which PyTorch's wheels multiply with, takes AVX2 on processors that are not Intel's.
"""
import argparse
import json
import os
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import torch  # noqa: E402
from torch.utils import mkldnn  # noqa: E402
from transformers import AutoModelForCausalLM, OPTConfig, OPTForCausalLM  # noqa: E402

ap = argparse.ArgumentParser()
for name in ("model", "rows"):
    ap.add_argument(f"--{name}", required=True)
ap.add_argument("--threads", type=int, default=1)
ap.add_argument("--tokens", type=int, default=2048, help="padded tokens of a batch")
ap.add_argument("--kernels", choices=["installed", "onednn"], default="installed")
a = ap.parse_args()
torch.set_num_threads(a.threads)

if a.model == "opt-125m":
    model = OPTForCausalLM(OPTConfig(vocab_size=50272, hidden_size=768, num_hidden_layers=12, ffn_dim=3072, num_attention_heads=12))
else:
    model = AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32, attn_implementation="sdpa")
model.eval()
head, trunk = model.get_output_embeddings(), model.get_decoder()


class Head(torch.nn.Module):
    """The head's weight, which is tied, as a layer of its own."""

    def __init__(self, weight):
        super().__init__()
        self.layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
        self.layer.weight = torch.nn.Parameter(weight.detach().clone())

    def forward(self, x):
        return self.layer(x)


if a.kernels == "onednn":
    head = mkldnn.to_mkldnn(Head(head.weight))
    for parent in list(trunk.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, torch.nn.Linear):
                setattr(parent, name, mkldnn.to_mkldnn(child))

with open(a.rows) as f:
    pairs = json.load(f)
rows = [(i, pair["prompt"], ids) for i, pair in enumerate(pairs) for ids in pair["responses"]]
rows = [(n, prompt, ids) for n, (_, prompt, ids) in enumerate(rows)]
rows.sort(key=lambda row: -len(row[1]) - len(row[2]))
batches, batch = [], []
for row in rows:
    width = len((batch or [row])[0][1]) + len((batch or [row])[0][2])
    if batch and (len(batch) + 1) * width > a.tokens:
        batches.append(batch)
        batch = []
    batch.append(row)
batches.append(batch)


@torch.no_grad()
def score(batch):
    width = max(len(p) + len(r) for _, p, r in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    mask = torch.zeros(len(batch), width, dtype=torch.long)
    at, targets, owners = [], [], []
    for i, (_, p, r) in enumerate(batch):
        ids[i, : len(p) + len(r)] = torch.tensor(p + r)
        mask[i, : len(p) + len(r)] = 1
        at += [i * width + len(p) - 1 + k for k in range(len(r))]
        targets += r
        owners += [i] * len(r)
    hidden = trunk(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
    logits = head(hidden.reshape(-1, hidden.shape[-1])[at])
    logps = logits.gather(1, torch.tensor(targets)[:, None])[:, 0] - logits.logsumexp(-1)
    sums = torch.zeros(len(batch), dtype=torch.float64)
    return sums.index_add(0, torch.tensor(owners), logps.double())


score(batches[-1])
out = [0.0] * len(rows)
start, cpu = time.perf_counter(), time.process_time()
for batch in batches:
    for (n, _, _), value in zip(batch, score(batch).tolist()):
        out[n] = value
took = time.perf_counter() - start
padded = sum(len(b) * max(len(p) + len(r) for _, p, r in b) for b in batches)
print(json.dumps({"pairs_per_s": len(pairs) / took, "cpu_seconds": time.process_time() - cpu, "padded_tokens": padded, "logps": out, "torch": torch.__version__}))
