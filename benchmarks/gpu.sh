#!/usr/bin/env bash
# Checks and measures seq2seq on a GPU in about five minutes. It needs CUDA, PyTorch and this checkout.
#
#     bash benchmarks/gpu.sh [FILE.json]
#
# PYTHON names the interpreter; extra arguments for gpu.py go into GPU_ARGS.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
# cuBLAS needs a fixed workspace for results that repeat to the last bit.
export CUBLAS_WORKSPACE_CONFIG=:4096:8
exec "${PYTHON:-python3}" benchmarks/gpu.py --into "${1:-benchmarks/gpu.json}" ${GPU_ARGS:-}
