#!/usr/bin/env bash
# Everything to measure on a GPU within 15 minutes: correctness, speed, and a training of `solve`.
#   bash scripts/benchmark_gpu.sh FOLDER RESULTS [PART]
# FOLDER is from `gpu/measure.py prepare`. PART is 1 (correctness and speed of the kernels), 2 (training, and speed in
# plain XLA) or both if not given; each takes less than 8 minutes. QUICK=1 rehearses all of it on a CPU.
set -u
cd "$(dirname "$0")/.."
folder=$1 results=$2 part=${3:-12}
mkdir -p "$results"
export PYTHONPATH=. PYTHONUNBUFFERED=1 JAX_COMPILATION_CACHE_DIR="$results/cache"
run() { limit=$1; shift; timeout "$limit" "${PYTHON:-python3}" scripts/gpu/measure.py "$@" 2>>"$results/errors.txt" | tee -a "$results/table.txt"; }
if [ -n "${QUICK:-}" ]; then
  run 900 correct "$folder" "$results"
  run 600 speed "$folder" "$results" --members 64 --seconds 2
  run 600 train "$folder" "$results" --members 64 --seconds 20
else
  if [[ $part == *1* ]]; then
    run 200 correct "$folder" "$results"
    run 280 speed "$folder" "$results" --form kernels --members 4096 32768 1024 16384 --seconds 4
  fi
  if [[ $part == *2* ]]; then
    run 260 train "$folder" "$results" --form kernels --members 4096 --seconds 180
    run 200 speed "$folder" "$results" --form plain --members 4096 32768 --seconds 4
  fi
fi
rm -rf "$results/cache"
echo; cat "$results/table.txt"
