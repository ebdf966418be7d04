#!/usr/bin/env python3
"""Makes the parity fixtures of test/fixtures/families: tiny models of random bfloat16 weights, saved by an installed Hugging Face
transformers (5.x), and what they compute in float64 with eager attention: logits and log-probabilities of whole sequences, a DPO
loss on pairs with the gradient of every parameter, greedy tokens; scores and a Bradley-Terry loss for reward models.

    HF_HUB_OFFLINE=1 python scripts/parity-fixtures.py test/fixtures/families [NAME ...]

The product does not need it: it is run by hand when a family or a setting is added, and the folders are committed.
"""
import json, os, sys, zlib
import torch, transformers

BASE = dict(vocab_size=40, hidden_size=16, intermediate_size=20, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            max_position_embeddings=128, pad_token_id=0, bos_token_id=1, eos_token_id=2)
ALONE = {k: v for k, v in BASE.items() if k != "num_key_value_heads"}  # families without grouped heads
GEMMA = dict(BASE, head_dim=6, query_pre_attn_scalar=5, sliding_window=6)
VISION = dict(hidden_size=4, intermediate_size=4, num_hidden_layers=1, num_attention_heads=1, image_size=4, patch_size=2)
MULTIMODAL = dict(text_config=GEMMA, vision_config=VISION, mm_tokens_per_image=1, image_token_index=37, boi_token_index=38, eoi_token_index=39)
GPT2 = dict(vocab_size=40, n_embd=16, n_layer=2, n_head=4, n_positions=64, pad_token_id=0, bos_token_id=1, eos_token_id=2)
NEO = dict(vocab_size=40, hidden_size=16, num_layers=2, num_heads=4, attention_types=[[["global", "local"], 1]], window_size=5,
           max_position_embeddings=64, pad_token_id=0, bos_token_id=1, eos_token_id=2)
OPT = dict(vocab_size=40, hidden_size=16, ffn_dim=20, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64,
           pad_token_id=0, bos_token_id=1, eos_token_id=2)
SCORE = dict(num_labels=1)


def rope(kind, theta=10000.0, **rest):
    return dict(rope_parameters=dict(rope_type=kind, rope_theta=theta, **rest))


def yarn(**rest):
    return rope("yarn", factor=4.0, original_max_position_embeddings=32, **rest)


def longrope(pairs, original, **rest):
    return rope("longrope", short_factor=[1.0 + 0.1 * i for i in range(pairs)], long_factor=[2.0 + 0.7 * i for i in range(pairs)],
                original_max_position_embeddings=original, **rest)


LLAMA3 = rope("llama3", 500.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)
OLMO3 = dict(BASE, num_hidden_layers=4, sliding_window=6)

FIXTURES = {
    "llama-linear-biases": ("LlamaForCausalLM", dict(BASE, attention_bias=True, mlp_bias=True, **rope("linear", 5000.0, factor=4.0))),
    "llama-dynamic": ("LlamaForCausalLM", dict(BASE, max_position_embeddings=64, **rope("dynamic", factor=2.0))),
    "llama-yarn-wide-heads-tied": ("LlamaForCausalLM", dict(BASE, head_dim=10, tie_word_embeddings=True, **yarn())),
    "llama-yarn-mscale": ("LlamaForCausalLM", dict(BASE, head_dim=16, **yarn(mscale=0.7, mscale_all_dim=0.4, beta_fast=16, beta_slow=2, truncate=False))),
    "llama-longrope": ("LlamaForCausalLM", dict(BASE, **longrope(2, 20))),
    "qwen2-yarn-slides": ("Qwen2ForCausalLM", dict(BASE, use_sliding_window=True, sliding_window=5, max_window_layers=1, **yarn(attention_factor=1.3))),
    "qwen3-longrope-biases": ("Qwen3ForCausalLM", dict(BASE, head_dim=6, attention_bias=True, **longrope(3, 16, attention_factor=1.2))),
    "qwen3-layer-types": ("Qwen3ForCausalLM", dict(BASE, head_dim=8, use_sliding_window=True, sliding_window=4,
                          layer_types=["sliding_attention", "full_attention"], **rope("linear", 1e6, factor=2.0))),
    "mistral-llama3": ("MistralForCausalLM", dict(BASE, head_dim=6, sliding_window=6, **LLAMA3)),
    "phi3-slides": ("Phi3ForCausalLM", dict(BASE, sliding_window=7, num_key_value_heads=4)),
    "phi4-mini": ("Phi3ForCausalLM", dict(BASE, hidden_size=32, tie_word_embeddings=True, original_max_position_embeddings=9,
                  **longrope(3, 9, partial_rotary_factor=0.75))),
    "olmo2-linear-biases-tied": ("Olmo2ForCausalLM", dict(BASE, tie_word_embeddings=True, attention_bias=True, **rope("linear", factor=4.0))),
    "olmo3-yarn-biases": ("Olmo3ForCausalLM", dict(OLMO3, attention_bias=True, rope_scaling=dict(
        rope_type="yarn", factor=4.0, original_max_position_embeddings=32, beta_fast=32.0, beta_slow=1.0, attention_factor=1.2079441541679836))),
    "granite-biases-tied": ("GraniteForCausalLM", dict(BASE, tie_word_embeddings=True, attention_bias=True, mlp_bias=True, embedding_multiplier=12.0,
                            attention_multiplier=0.0625, residual_multiplier=0.22, logits_scaling=8.0)),
    "smollm3-slides-untied": ("SmolLM3ForCausalLM", dict(BASE, tie_word_embeddings=False, use_sliding_window=True, sliding_window=5,
                              no_rope_layers=[0, 1], attention_bias=True, mlp_bias=True, **yarn())),
    "seed_oss-biases-tied": ("SeedOssForCausalLM", dict(BASE, head_dim=6, tie_word_embeddings=True, attention_out_bias=True, mlp_bias=True, **yarn())),
    "gemma3-scaled-capped": ("Gemma3ForCausalLM", dict(GEMMA, attention_bias=True, attn_logit_softcapping=5.0, final_logit_softcapping=3.0,
                             sliding_window_pattern=2, rope_scaling=dict(rope_type="linear", factor=8.0))),
    "gemma3-multimodal": ("Gemma3ForConditionalGeneration", MULTIMODAL),
    "gemma-gelu-yarn": ("GemmaForCausalLM", dict(BASE, head_dim=6, hidden_act="gelu", **yarn())),
    "gemma2-biases-untied": ("Gemma2ForCausalLM", dict(GEMMA, attention_bias=True, attn_logit_softcapping=None, final_logit_softcapping=None,
                             tie_word_embeddings=False, **rope("linear", factor=2.0))),
    "gpt_neox-yarn": ("GPTNeoXForCausalLM", dict(ALONE, hidden_size=32, attention_bias=False, **yarn(partial_rotary_factor=0.5))),
    "gpt_neox-longrope-tied": ("GPTNeoXForCausalLM", dict(ALONE, hidden_size=32, tie_word_embeddings=True, use_parallel_residual=False,
                               **longrope(4, 16, partial_rotary_factor=1.0))),
    "rm-gpt2": ("GPT2ForSequenceClassification", dict(GPT2, **SCORE)),
    "rm-gpt_neo": ("GPTNeoForSequenceClassification", dict(NEO, **SCORE)),
    "rm-opt-postnorm": ("OPTForSequenceClassification", dict(OPT, word_embed_proj_dim=8, do_layer_norm_before=False, **SCORE)),
    "rm-gpt_neox": ("GPTNeoXForSequenceClassification", dict(ALONE, hidden_size=32, **SCORE)),
    "rm-mistral": ("MistralForSequenceClassification", dict(BASE, sliding_window=5, **SCORE)),
    "rm-gemma": ("GemmaForSequenceClassification", dict(BASE, head_dim=6, **SCORE)),
    "rm-gemma2": ("Gemma2ForSequenceClassification", dict(GEMMA, **SCORE)),
    "rm-gemma3": ("Gemma3TextForSequenceClassification", dict(GEMMA, **SCORE)),
    "rm-gemma3-multimodal": ("Gemma3ForSequenceClassification", dict(MULTIMODAL, **SCORE)),
    "rm-qwen3-yarn": ("Qwen3ForSequenceClassification", dict(BASE, head_dim=6, **yarn(), **SCORE)),
    "rm-phi3-longrope": ("Phi3ForSequenceClassification", dict(BASE, hidden_size=32, original_max_position_embeddings=12, **longrope(4, 12), **SCORE)),
    "rm-smollm3": ("SmolLM3ForSequenceClassification", dict(BASE, num_hidden_layers=4, **SCORE)),
    "rm-seed_oss": ("SeedOssForSequenceClassification", dict(BASE, head_dim=6, **SCORE)),
    "rm-olmo2": ("Olmo2ForSequenceClassification", dict(BASE, **SCORE)),
    "rm-olmo3": ("Olmo3ForSequenceClassification", dict(OLMO3, **SCORE)),
}


def wide(on, plain=(torch.float32, torch.Tensor.float)):
    """While on, what the modelling code casts to float32 (norms, softmax, angles) stays float64."""
    torch.float32 = torch.float = torch.float64 if on else plain[0]
    torch.Tensor.float = torch.Tensor.double if on else plain[1]
    torch.set_default_dtype(torch.float64 if on else plain[0])


def numbers(t):
    return [float(f"{v:.9g}") for v in t.detach().flatten().tolist()]


def save_random(folder, klass, config, seed):
    torch.manual_seed(seed)
    model = klass(config)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape)
            parameter.add_(0.1 * noise) if parameter.ndim == 1 else parameter.copy_(noise * 1.4 / parameter.shape[-1] ** 0.5)
    model.to(torch.bfloat16).save_pretrained(folder)


def gradients(model, loss):
    model.zero_grad(set_to_none=True)
    loss.backward()
    found = {}
    for name, parameter in model.named_parameters():
        g = (parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)).flatten()
        at = int(g.abs().argmax())
        found[name] = {"shape": list(parameter.shape), "l2": numbers(g.norm())[0], "sum": numbers(g.sum())[0], "first8": numbers(g[:4]),
                       "absmax": {"index": at, "value": numbers(g[at])[0]}, "probe": {"index": [], "value": []}}
    return found


def make(folder, name, class_name, settings):
    klass = getattr(transformers, class_name)
    config = klass.config_class(**settings)
    seed = zlib.crc32(name.encode())
    save_random(folder, klass, config, seed)
    model = klass.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager").eval()
    model.requires_grad_(True)
    draw = torch.Generator().manual_seed(seed)
    ids = lambda n: torch.randint(3, 36, (n,), generator=draw).tolist()
    wide(True)
    sequences = [ids(n) for n in (8, 19, 13)]
    pairs = [(ids(5), ids(6), ids(3)), (ids(7), ids(3), ids(11))]
    expected = {"format": "parity-1", "name": name, "family": model.config.model_type, "model_class": class_name,
                "source": {"transformers": transformers.__version__, "torch": torch.__version__,
                           "compute": "float64 on stored bfloat16 weights, eager attention, eval()"}}
    forward = lambda s: model(input_ids=torch.tensor([s]), use_cache=False).logits
    if class_name.endswith("ForSequenceClassification"):
        score = lambda s: forward(s)[0, 0]
        scores = [(score(p + c), score(p + r)) for p, c, r in pairs]
        loss = torch.stack([-torch.nn.functional.logsigmoid(c - r) for c, r in scores]).mean()
        expected |= {"task": "reward", "batch": {"sequences": [{"input_ids": s, "score": numbers(score(s))[0]} for s in sequences]}, "bt": {
            "pairs": [{"chosen_ids": p + c, "rejected_ids": p + r, "chosen_score": numbers(a)[0], "rejected_score": numbers(b)[0]}
                      for (p, c, r), (a, b) in zip(pairs, scores)], "loss": numbers(loss)[0], "grads": gradients(model, loss)}}
    else:
        logps = lambda s: torch.log_softmax(forward(s)[0][:-1], -1).gather(-1, torch.tensor(s)[1:, None]).squeeze(-1)
        cases = []
        for s in sequences:
            rows, at = forward(s)[0], [0, len(s) - 1]
            cases.append({"input_ids": s, "positions": at, "logits": [numbers(rows[t]) for t in at], "argmax": rows.argmax(-1).tolist(),
                          "token_logps": numbers(logps(s))})
        beta, rows, losses = 0.1, [], []
        for p, c, r in pairs:
            chosen, rejected = (logps(p + x)[len(p) - 1:].sum() for x in (c, r))
            a, b = round(float(chosen.detach()) - 2.5, 4), round(float(rejected.detach()) + 4.0, 4)
            losses.append(-torch.nn.functional.logsigmoid(beta * ((chosen - a) - (rejected - b))))
            rows.append({"prompt_ids": p, "chosen_ids": c, "rejected_ids": r, "ref_chosen_logp": a, "ref_rejected_logp": b,
                         "policy_chosen_logp": numbers(chosen)[0], "policy_rejected_logp": numbers(rejected)[0], "loss": numbers(losses[-1])[0]})
        loss = torch.stack(losses).mean()
        prompt, new = ids(4), []
        for _ in range(10):
            new.append(int(forward(prompt + new)[0, -1].argmax()))
        expected |= {"task": "causal-lm", "batch": {"sequences": cases}, "generate": {"prompt_ids": prompt, "new_ids": new},
                     "dpo": {"beta": beta, "pairs": rows, "loss": numbers(loss)[0], "grads": gradients(model, loss)}}
    wide(False)
    with open(os.path.join(folder, "expected.json"), "w") as file:
        json.dump(expected, file, separators=(",", ":"))
        file.write("\n")
    generation = os.path.join(folder, "generation_config.json")
    if os.path.exists(generation):
        os.remove(generation)
    print(name, class_name, flush=True)


if __name__ == "__main__":
    for fixture, (class_name, settings) in FIXTURES.items():
        if len(sys.argv) < 3 or fixture in sys.argv[2:]:
            make(os.path.join(sys.argv[1], fixture), fixture, class_name, settings)
