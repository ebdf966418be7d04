"""The arguments that TRL's commands take, by command: for trl-export.test.ts."""

import dataclasses
import json
import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")
from trl import DPOConfig, ModelConfig, ScriptArguments, SFTConfig  # noqa: E402

names = lambda *classes: sorted(field.name for one in classes for field in dataclasses.fields(one))
json.dump({name: names(ScriptArguments, config, ModelConfig) for name, config in [("sft", SFTConfig), ("dpo", DPOConfig)]}, sys.stdout)
