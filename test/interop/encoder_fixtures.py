"""Encoders' reward models of many settings as parity-1 fixtures, and scores of a given folder.

usage: python encoder_fixtures.py OUT            (writes one fixture folder for each entry of CASES)
       python encoder_fixtures.py --score FOLDER (prints scores of FOLDER/sequences.json)
torch and transformers 5; random weights, stored in float32 and computed in float64: torch.float32 and Tensor.float stand for their
float64 twins while a model runs, so that norms, softmax and rotary angles are not cut.
"""
import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
import transformers
from transformers import AutoModelForSequenceClassification

F32, FLOAT = torch.float32, torch.Tensor.float
TOKENS = dict(vocab_size=96, num_labels=1, pad_token_id=0, bos_token_id=1, eos_token_id=2)
MODERN = dict(
    hidden_size=32,
    intermediate_size=24,
    num_hidden_layers=4,
    num_attention_heads=4,
    max_position_embeddings=64,
    local_attention=8,
    cls_token_id=1,
    sep_token_id=2,
    **TOKENS,
)
DEBERTA = dict(
    hidden_size=24,
    intermediate_size=40,
    num_hidden_layers=2,
    num_attention_heads=3,
    max_position_embeddings=48,
    relative_attention=True,
    share_att_key=True,
    pos_att_type=["p2c", "c2p"],
    norm_rel_ebd="layer_norm",
    position_buckets=8,
    position_biased_input=False,
    type_vocab_size=0,
    **TOKENS,
)
# name: (class, config, keys of config.json replaced after saving: the older spelling)
NEW = ("rope_parameters", "layer_types", "dtype")
CASES = {
    "modernbert-plain": ("ModernBert", {}, {}),
    "modernbert-old-spelling": (
        "ModernBert",
        dict(global_rope_theta=3000.0, local_rope_theta=70.0, global_attn_every_n_layers=2),
        dict(
            global_rope_theta=3000.0,
            local_rope_theta=70.0,
            global_attn_every_n_layers=2,
            torch_dtype="float32",
            layer_norm_eps=1e-5,
            position_embedding_type="absolute",
            reference_compile=None,
        ),
    ),
    "modernbert-mean-biases": (
        "ModernBert",
        dict(
            classifier_pooling="mean",
            norm_bias=True,
            attention_bias=True,
            mlp_bias=True,
            classifier_bias=True,
            classifier_activation="silu",
            hidden_activation="gelu_pytorch_tanh",
            norm_eps=1e-6,
            local_attention=5,
        ),
        {},
    ),
    "modernbert-layer-types": (
        "ModernBert",
        dict(
            layer_types=["sliding_attention", "full_attention", "sliding_attention", "sliding_attention"],
            rope_parameters={
                "full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 2000.0},
                "sliding_attention": {"rope_type": "default", "rope_theta": 50.0},
            },
            local_attention=2,
        ),
        {},
    ),
    "modernbert-yarn": (
        "ModernBert",
        dict(
            rope_parameters={
                "full_attention": {
                    "rope_type": "yarn",
                    "factor": 4.0,
                    "original_max_position_embeddings": 16,
                    "rope_theta": 500.0,
                }
            },
            local_attention=1,
            num_attention_heads=2,
        ),
        {},
    ),
    "modernbert-window-wider": ("ModernBert", dict(local_attention=128, num_hidden_layers=1), {}),
    "deberta-v3-like": ("DebertaV2", {}, {}),
    "deberta-positions-types": ("DebertaV2", dict(position_biased_input=True, type_vocab_size=2), {}),
    "deberta-no-buckets": ("DebertaV2", dict(position_buckets=-1, max_relative_positions=5), {}),
    "deberta-max-positions": ("DebertaV2", dict(position_buckets=-1, max_relative_positions=-1), {}),
    "deberta-c2p": ("DebertaV2", dict(pos_att_type=["c2p"], norm_rel_ebd="none"), {}),
    "deberta-p2c-text": ("DebertaV2", dict(pos_att_type="p2c", hidden_act="gelu_new", pooler_hidden_act="relu"), {}),
    "deberta-content-only": ("DebertaV2", dict(pos_att_type=[], layer_norm_eps=1e-5), {}),
    "deberta-far": ("DebertaV2", dict(position_buckets=4, max_relative_positions=12), {}),
}


def twins(on):
    torch.float32 = torch.float64 if on else F32
    torch.float = torch.float64 if on else F32
    torch.Tensor.float = torch.Tensor.double if on else FLOAT
    torch.set_default_dtype(torch.float64 if on else F32)


def load(folder):
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, dtype=torch.float64, attn_implementation="eager"
    )
    return model.eval()


def score(model, ids):
    return model(input_ids=torch.tensor([ids])).logits[0, 0]


def summary(p):
    g = (p.grad if p.grad is not None else torch.zeros_like(p)).flatten()
    at = int(g.abs().argmax())
    probe = sorted({int(k * (g.numel() - 1) / 5) for k in range(1, 5)})
    return {
        "shape": list(p.shape),
        "l2": float(g.norm()),
        "sum": float(g.sum()),
        "first8": g[:8].tolist(),
        "absmax": {"index": at, "value": float(g[at])},
        "probe": {"index": probe, "value": g[probe].tolist()},
    }


def make(out, name, kind, config, old):
    folder = os.path.join(out, name)
    klass = getattr(transformers, f"{kind}ForSequenceClassification")
    base = MODERN if kind == "ModernBert" else DEBERTA
    torch.manual_seed(len(name) + sum(map(ord, name)))
    model = klass(klass.config_class(**{**base, **config}))
    with torch.no_grad():
        for p in model.parameters():
            noise = torch.randn_like(p)
            p.copy_(p + 0.1 * noise if p.ndim == 1 else noise * (1.2 / p.shape[-1] ** 0.5))
    model.save_pretrained(folder)
    if old:
        file = os.path.join(folder, "config.json")
        with open(file) as f:
            saved = json.load(f)
        with open(file, "w") as f:
            json.dump({k: v for k, v in {**saved, **old}.items() if k not in NEW}, f)
    model = load(folder)
    twins(True)
    g = torch.Generator().manual_seed(3)
    draw = lambda n: [1] + torch.randint(3, 96, (n,), generator=g).tolist() + [2]
    expected = {"name": name, "family": model.config.model_type, "task": "reward"}
    with torch.no_grad():
        rows = [draw(n) for n in (3, 30, 11)]
        expected["batch"] = {"sequences": [{"input_ids": s, "score": float(score(model, s))} for s in rows]}
    pairs = [(draw(9), draw(17)), (draw(25), draw(1))]
    scores = [(score(model, c), score(model, r)) for c, r in pairs]
    loss = torch.stack([-torch.nn.functional.logsigmoid(c - r) for c, r in scores]).mean()
    loss.backward()
    expected["bt"] = {
        "pairs": [
            {"chosen_ids": c, "rejected_ids": r, "chosen_score": float(a), "rejected_score": float(b)}
            for (c, r), (a, b) in zip(pairs, scores)
        ],
        "loss": float(loss),
        "grads": {n: summary(p) for n, p in model.named_parameters()},
    }
    twins(False)
    with open(os.path.join(folder, "expected.json"), "w") as f:
        json.dump(expected, f)


if sys.argv[1] == "--score":
    model = load(sys.argv[2])
    twins(True)
    with open(os.path.join(sys.argv[2], "sequences.json")) as f:
        sequences = json.load(f)
    with torch.no_grad():
        print(json.dumps([float(score(model, ids)) for ids in sequences]))
else:
    for name, case in CASES.items():
        make(sys.argv[1], name, *case)
