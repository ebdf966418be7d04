"""Adapters of many kinds written and computed by PEFT itself: folders, and expected.json with the adapted model's outputs.

usage: python peft_adapters.py OUT          (torch, transformers 5, peft; nothing is downloaded)
       python peft_adapters.py --read OUT   what PEFT and transformers compute from OUT/again-NAME, adapters that this project saved, and from
                                            OUT/merged-NAME, models with adapters folded in: {folder: outputs} on standard output
"""
import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
)

READ = sys.argv[1] == "--read"
OUT = sys.argv[2 if READ else 1]
IDS = [1, 17, 40, 5, 33, 2, 60, 8, 21, 30, 9, 11]
SIZES = dict(vocab_size=64, bos_token_id=1, eos_token_id=2, pad_token_id=0)
LLAMA = dict(
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
    tie_word_embeddings=False,
    **SIZES,
)


def randomise(model, seed, scale):
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            centre = 1.0 if "norm" in name or "ln_" in name else 0.0
            p.copy_(centre + scale * torch.randn_like(p))


def bases():
    llama = LlamaForCausalLM(LlamaConfig(**LLAMA))
    reward = LlamaForSequenceClassification(LlamaConfig(num_labels=1, **LLAMA))
    gpt2 = GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=2, n_head=2, n_positions=64, **SIZES))
    for i, (name, model) in enumerate([("llama", llama), ("reward", reward), ("gpt2", gpt2)]):
        randomise(model, i, 0.3)
        model.save_pretrained(os.path.join(OUT, name))
    return {"llama": LlamaForCausalLM, "reward": LlamaForSequenceClassification, "gpt2": GPT2LMHeadModel}


LM = dict(task_type="CAUSAL_LM", r=4, lora_alpha=8)
QV = ["q_proj", "v_proj"]
CASES = {
    "plain": ("llama", dict(**LM, target_modules=QV)),
    "some-layers": ("llama", dict(**LM, target_modules=QV, layers_to_transform=[0, 2])),
    "one-layer": ("llama", dict(**LM, target_modules=["up_proj"], layers_to_transform=1)),
    "layers-pattern": ("llama", dict(**LM, target_modules=QV, layers_to_transform=[1], layers_pattern="layers")),
    "layers-patterns": ("llama", dict(**LM, target_modules=QV, layers_to_transform=[2], layers_pattern=["h", "layers"])),
    "whole-name": (
        "llama",
        dict(**LM, target_modules=["model.layers.1.mlp.down_proj", "q_proj"], layers_to_transform=[0]),
    ),
    "task-null": ("llama", dict(r=4, lora_alpha=8, target_modules=QV)),
    "rank-pattern": (
        "llama",
        dict(**LM, target_modules=QV, rank_pattern={"v_proj": 2, r"layers\.\d+\.self_attn\.q_proj": 6}),
    ),
    "alpha-pattern": (
        "llama",
        dict(
            **LM,
            target_modules=QV,
            rank_pattern={r"^model\.layers\.0\.self_attn\.v_proj": 3, "v_proj": 5},
            alpha_pattern={"layers.1.self_attn.q_proj": 32, "v_proj": 1},
        ),
    ),
    "rslora-patterns": (
        "llama",
        dict(**LM, use_rslora=True, target_modules=QV, rank_pattern={"v_proj": 9}, alpha_pattern={"q_proj": 3}),
    ),
    "regex": ("llama", dict(**LM, target_modules=r".*\.(0|2)\.mlp\.(up|gate)_proj")),
    "all-linear": ("llama", dict(**LM, target_modules="all-linear")),
    "exclude": ("llama", dict(**LM, target_modules=QV, exclude_modules=["layers.1.self_attn.q_proj"])),
    "exclude-regex": ("llama", dict(**LM, target_modules="all-linear", exclude_modules=r".*\.mlp\..*")),
    "gaussian": ("llama", dict(**LM, target_modules=QV, init_lora_weights="gaussian")),
    "head-saved": ("llama", dict(**LM, target_modules=QV, modules_to_save=["lm_head"])),
    "embeddings-saved": ("llama", dict(**LM, target_modules=QV, modules_to_save=["embed_tokens"])),
    "reward": ("reward", dict(task_type="SEQ_CLS", r=4, lora_alpha=8, target_modules=QV)),
    "reward-task-null": ("reward", dict(r=4, lora_alpha=8, target_modules=QV)),
    "gpt2": ("gpt2", dict(**LM, target_modules=["c_attn", "c_proj"], fan_in_fan_out=True)),
    "gpt2-some": ("gpt2", dict(**LM, target_modules=["c_fc"], fan_in_fan_out=True, layers_to_transform=[1])),
}


def outputs(model):
    with torch.no_grad():
        return model.double().eval()(input_ids=torch.tensor([IDS])).logits.flatten().tolist()


def main():
    classes = bases()
    expected = {}
    for i, (name, (base, config)) in enumerate(CASES.items()):
        path = os.path.join(OUT, base)
        load = lambda: classes[base].from_pretrained(path)
        adapted = get_peft_model(load(), LoraConfig(**config))
        torch.manual_seed(100 + i)
        with torch.no_grad():
            for key, p in adapted.named_parameters():
                if p.requires_grad:
                    p.add_(0.3 * torch.randn_like(p))
        folder = os.path.join(OUT, f"adapter-{name}")
        adapted.save_pretrained(folder)
        expected[name] = dict(base=base, outputs=outputs(PeftModel.from_pretrained(load(), folder)))
    # layers_to_transform lost: the config names all layers, the file has the first one's weights.
    folder = os.path.join(OUT, "adapter-first-only")
    source = os.path.join(OUT, "adapter-plain")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(source, "adapter_config.json")) as f:
        config = json.load(f)
    with open(os.path.join(folder, "adapter_config.json"), "w") as f:
        json.dump(config, f)
    tensors = load_file(os.path.join(source, "adapter_model.safetensors"))
    save_file(
        {k: v for k, v in tensors.items() if ".layers.0." in k},
        os.path.join(folder, "adapter_model.safetensors"),
        metadata={"format": "pt"},
    )
    base = LlamaForCausalLM.from_pretrained(os.path.join(OUT, "llama"))
    expected["first-only"] = dict(base="llama", outputs=outputs(PeftModel.from_pretrained(base, folder)))
    with open(os.path.join(OUT, "expected.json"), "w") as f:
        json.dump(dict(ids=IDS, cases=expected), f)


def read():
    """Outputs of what was saved here; every tensor of an adapter must be one that PEFT asks for."""
    classes = {"llama": LlamaForCausalLM, "reward": LlamaForSequenceClassification, "gpt2": GPT2LMHeadModel}
    found = {}
    for name in sorted(os.listdir(OUT)):
        kind, _, case = name.partition("-")
        if kind not in ("again", "merged"):
            continue
        base = CASES[case][0] if case in CASES else "llama"
        path = os.path.join(OUT, name)
        if kind == "merged":
            found[name] = outputs(classes[base].from_pretrained(path))
            continue
        adapted = PeftModel.from_pretrained(classes[base].from_pretrained(os.path.join(OUT, base)), path)
        stored = load_file(os.path.join(path, "adapter_model.safetensors"))
        asked = {key for key, _ in adapted.named_parameters() if "lora_" in key}
        # A reward model's head is stored beside them.
        held = [key for key in stored if "lora_" in key]
        if len(asked) != len(held):
            raise ValueError(f"{name}: PEFT asks for {len(asked)} tensors, {len(held)} are stored")
        found[name] = outputs(adapted)
    json.dump(found, sys.stdout)


read() if READ else main()
