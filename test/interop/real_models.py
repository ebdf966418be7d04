"""What transformers makes of a GGUF file, and `tokenizers` of the folder that was imported from it, for real-models.test.ts.

usage: real_models.py GGUF FOLDER ASKED OUT
ASKED: {"texts": [...], "conversations": [[message]], "rows": [[id]]}
OUT: {"versions", "ids": of each text, by the folder's tokenizer.json, "own": of each text, by transformers' own reading of the file,
"rendered": of each conversation [closed, with the answer opened], or null without a template}; beside it OUT.logits: float32, row by row
[tokens, vocabulary], by transformers' own reading of the file.
"""

import json
import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import gguf  # noqa: E402
import tokenizers  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

transformers.logging.set_verbosity_error()
torch.set_num_threads(1)
path, folder, asked_path, out = sys.argv[1:5]
with open(asked_path) as f:
    asked = json.load(f)

whole = tokenizers.Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
ids = [one.ids for one in whole.encode_batch(asked["texts"], add_special_tokens=False)]
from_file = {"pretrained_model_name_or_path": os.path.dirname(path), "gguf_file": os.path.basename(path)}
tokenizer = AutoTokenizer.from_pretrained(**from_file)
own = [one.ids for one in tokenizer.backend_tokenizer.encode_batch(asked["texts"], add_special_tokens=False)]
rendered = tokenizer.chat_template and [
    [tokenizer.apply_chat_template(one, tokenize=False, add_generation_prompt=opened) for opened in (False, True)]
    for one in asked["conversations"]
]

model = AutoModelForCausalLM.from_pretrained(**from_file, dtype=torch.float32).eval()
with torch.no_grad(), open(f"{out}.logits", "wb") as f:
    for row in asked["rows"]:
        f.write(model(input_ids=torch.tensor([row])).logits[0].float().numpy().tobytes())
versions = {one.__name__: one.__version__ for one in (torch, transformers, tokenizers)}
with open(out, "w") as f:
    json.dump({"versions": versions, "ids": ids, "own": own, "rendered": rendered or None}, f)
