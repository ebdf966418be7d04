"""What PEFT computes from folders that this project kept as adapters, opened by themselves and put on their base: logits of fixed ids.

usage: python kept_adapters.py IDS FOLDER...   prints {folder: {"own": [...], "on": [...]}}; nothing is downloaded
"""
import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from peft import AutoPeftModelForCausalLM, PeftConfig, PeftModel
from transformers import AutoModelForCausalLM

IDS = json.loads(sys.argv[1])


def logits(model):
    with torch.no_grad():
        return model.float().eval()(input_ids=torch.tensor([IDS])).logits.flatten().tolist()


def base(folder):
    return AutoModelForCausalLM.from_pretrained(PeftConfig.from_pretrained(folder).base_model_name_or_path)


print(
    json.dumps(
        {
            folder: {
                "own": logits(AutoPeftModelForCausalLM.from_pretrained(folder)),
                "on": logits(PeftModel.from_pretrained(base(folder), folder)),
            }
            for folder in sys.argv[2:]
        }
    )
)
