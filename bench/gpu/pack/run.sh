#!/bin/sh
# Runs the GPU benchmarks of hessian-free on this machine from this folder alone:
#
#   ./run.sh [arguments of the benchmark: --quick, --sizes 1024,4096, --batches 512, names of measurements]
#
#   HESSIAN_FREE_FOLDER=/tmp/x ./run.sh     unpack there and keep it (default: a temporary folder, removed at the end)
#   HESSIAN_FREE_RESULTS=/tmp/y ./run.sh    rows go there (default: results/ beside this script)
#   VK_DRIVER_FILES=/path/icd.json          take this Vulkan driver; otherwise NVIDIA's is looked for, and a manifest for
#                                           it is written where the driver came without one
#   ./run.sh --swiftshader …                on the processor, to prove the folder without a GPU
#
# Where python3 has torch or jax with a GPU, the same measurements run through them too.
set -u

here=$(cd "$(dirname "$0")" && pwd)
say() { printf '%s\n' "$*" >&2; }

swiftshader=no
if [ "${1:-}" = --swiftshader ]; then swiftshader=yes; shift; fi

for tool in tar gzip; do
  command -v "$tool" >/dev/null 2>&1 || { say "This script needs $tool, which is not here."; exit 1; }
done

if [ -n "${HESSIAN_FREE_FOLDER:-}" ]; then
  folder=$HESSIAN_FREE_FOLDER
  mkdir -p "$folder" || exit 1
else
  folder=$(mktemp -d "${TMPDIR:-/tmp}/hessian-free-bench.XXXXXX") || exit 1
  trap 'rm -rf "$folder"' EXIT
  trap 'exit 130' INT TERM
fi
if [ ! -x "$folder/node" ]; then
  gzip -dc "$here/bench.tar.gz" | tar -xf - -C "$folder" || { say "Cannot unpack into $folder."; exit 1; }
fi
if ! version=$("$folder/node" --version 2>&1); then
  say "The Node of this folder does not start here (glibc 2.28 and libstdc++ of GCC 8 or newer are needed):"
  say "$version"
  exit 1
fi

results=${HESSIAN_FREE_RESULTS:-$here/results}
mkdir -p "$results" 2>/dev/null || { results=$folder/results; mkdir -p "$results"; trap - EXIT; }

# The driver's own libraries, in the places where distributions and containers put them.
libraries=$folder/lib
for place in /usr/local/nvidia/lib64 /usr/local/nvidia/lib /usr/lib/x86_64-linux-gnu /usr/lib64 /usr/lib/wsl/lib; do
  [ -d "$place" ] && libraries=$libraries:$place
done
LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
: "${XDG_RUNTIME_DIR:=$folder}"
export XDG_RUNTIME_DIR
# Dawn looks beside its binding first.
for binding in "$folder"/node_modules/webgpu/dist/*/; do cp -f "$folder/lib/libvulkan.so.1" "$binding"; done

bench() { "$folder/node" "$folder/bench.mjs" gpu "$@"; }
# A driver that hangs must not cost the others their turn.
probe() {
  if command -v timeout >/dev/null 2>&1; then
    timeout 60 "$folder/node" "$folder/bench.mjs" gpu --probe
  else
    bench --probe
  fi
}
use() { VK_DRIVER_FILES=$1; VK_ICD_FILENAMES=$1; export VK_DRIVER_FILES VK_ICD_FILENAMES; }

# Manifests that exist, then ones for libraries that lie around without any. libEGL_nvidia needs no X libraries.
candidates() {
  for place in /etc/vulkan/icd.d /usr/share/vulkan/icd.d /usr/local/share/vulkan/icd.d \
    /usr/local/nvidia/share/vulkan/icd.d /usr/local/etc/vulkan/icd.d; do
    for manifest in "$place"/*nvidia*.json; do [ -f "$manifest" ] && printf '%s\n' "$manifest"; done
  done
  for name in libGLX_nvidia.so.0 libEGL_nvidia.so.0; do
    library=$name
    for place in $(printf '%s' "$LD_LIBRARY_PATH" | tr ':' ' '); do
      [ -e "$place/$name" ] && { library=$place/$name; break; }
    done
    manifest=$folder/$name.json
    printf '{"file_format_version":"1.0.1","ICD":{"library_path":"%s","api_version":"1.3.277"}}\n' "$library" >"$manifest"
    printf '%s\n' "$manifest"
  done
}

found=no
if [ "$swiftshader" = yes ]; then
  # Its manifest names the library relative to itself.
  use "$folder/swiftshader/vk_swiftshader_icd.json"
  found=yes
elif [ -n "${VK_DRIVER_FILES:-}" ]; then
  say "Vulkan driver as given: $VK_DRIVER_FILES"
  found=yes
else
  candidates >"$folder/candidates"
  while read -r manifest; do
    use "$manifest"
    if answer=$(probe 2>"$folder/probe.log"); then
      say "Vulkan driver: $manifest: $answer"
      found=yes
      break
    fi
    say "Not this one: $manifest: ${answer:-$(head -n 3 "$folder/probe.log" | tr '\n' ' ')}"
  done <"$folder/candidates"
fi
if [ "$found" = no ]; then
  say "No NVIDIA driver for Vulkan was found. What the machine says of its GPUs:"
  (nvidia-smi || ls -l /dev/nvidia* /dev/dri) >&2 2>&1
  say "Give the manifest of a driver in VK_DRIVER_FILES, or prove the folder itself with --swiftshader."
  exit 1
fi

nvidia-smi --query-gpu=name,driver_version,power.limit,clocks.max.sm,clocks.max.mem --format=csv \
  >"$results/nvidia-smi.csv" 2>/dev/null || rm -f "$results/nvidia-smi.csv"
day=$(date -u +%Y-%m-%d)
bench --output "$results/$day-{device}.jsonl" "$@" >"$folder/rows.log"
status=$?
say "Rows are in $results."

# An option for software runs says nothing to the peers, which run on CUDA or not at all.
if [ "$swiftshader" = no ] && command -v python3 >/dev/null 2>&1; then
  for peer in torch jax; do
    rm -f "$results/$day-$peer.jsonl"
    python3 "$here/peers/${peer}_peer.py" --output "$results/$day-$peer.jsonl" >>"$folder/rows.log"
    [ -f "$results/$day-$peer.jsonl" ] && bench --table "$results/$day-$peer.jsonl"
  done
fi
exit "$status"
