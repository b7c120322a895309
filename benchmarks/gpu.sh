#!/usr/bin/env bash
# Checks and measures seq2seq on a GPU in about five minutes. It needs CUDA, PyTorch and this checkout.
#
#     bash benchmarks/gpu.sh [FILE.json]
#
# PYTHON names the interpreter; extra arguments for gpu.py go into GPU_ARGS, and those for pip into
# PIP_ARGS. Packages that are missing are installed into a temporary folder. Without a network, bring
# them along: `pip download --no-deps -d wheels PACKAGE...`, PIP_ARGS="--no-index --find-links wheels".
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
missing=$("$python" - <<'CHECK'
from importlib.util import find_spec

MODULES = {
    "numpy": "numpy", "pydantic": "pydantic", "regex": "regex", "rich": "rich",
    "safetensors": "safetensors", "sacrebleu": "sacrebleu", "sentencepiece": "sentencepiece",
    "sentencex": "sentencex", "typer": "typer", "yaml": "pyyaml", "filelock": "filelock",
    "platformdirs": "platformdirs",
}
print(*(package for module, package in MODULES.items() if find_spec(module) is None))
CHECK
)
if [ -n "$missing" ]; then
  echo "installing into a temporary folder: $missing"
  packages=$(mktemp -d)
  trap 'rm -rf "$packages"' EXIT
  # shellcheck disable=SC2086 # both are lists
  "$python" -m pip install --quiet --disable-pip-version-check ${PIP_ARGS:-} --target "$packages" $missing || {
    echo "gpu.sh needs these packages: $missing. The head of gpu.sh tells how to bring them along." >&2
    exit 1
  }
  export PYTHONPATH="$PYTHONPATH:$packages"
fi
# cuBLAS needs a fixed workspace for results that repeat to the last bit.
export CUBLAS_WORKSPACE_CONFIG=:4096:8
# shellcheck disable=SC2086
"$python" benchmarks/gpu.py --into "${1:-benchmarks/gpu.json}" ${GPU_ARGS:-}
