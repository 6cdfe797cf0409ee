#!/usr/bin/env bash
# PyTorch of Debian (python3-torch, with OpenBLAS) in a folder of its own. Nothing on the system is changed and no root is
# needed: the packages that the system lacks are downloaded by apt and unpacked there.
#
#   install.sh FOLDER    downloads about 155 MB, unpacks about 660 MB into FOLDER, and prints nothing on success
#
# Both builds of OpenBLAS come along, so that serve.py can be run with either: `openblas-openmp` works with the threads of
# OpenMP that PyTorch itself uses, `openblas-pthread` starts threads of its own. FOLDER/environment holds what Python must
# be started with.
set -euo pipefail

folder=${1:?usage: install.sh FOLDER}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
[[ -e $folder/environment ]] && exit 0
for tool in apt-get dpkg-deb /usr/bin/python3; do
  command -v "$tool" >/dev/null || { echo "no $tool: PyTorch is installed from Debian packages only" >&2; exit 1; }
done

wanted=(python3-torch libopenblas0-pthread libopenblas0-openmp)
work=$folder/packages
rm -rf "$work" "$folder/root.partial"
mkdir -p "$work"
{
  # A simulation names the closure without what the system has; it takes no lock and no root.
  names=$(apt-get install --simulate --no-install-recommends "${wanted[@]}" | awk '/^Inst / { print $2 }')
  [[ -z $names ]] || (cd "$work" && apt-get download -qq -o APT::Sandbox::User= $names)
} 2>"$work/log" || { cat "$work/log" >&2; echo "apt-get update may be needed" >&2; exit 1; }

root=$folder/root.partial
mkdir -p "$root"
for package in "$work"/*.deb; do
  [[ -e $package ]] || continue
  # Libraries only. tar fails where a package has none; that all is there is proved below.
  dpkg-deb --fsys-tarfile "$package" | tar -x -C "$root" --wildcards './usr/lib/*' './lib/*' 2>/dev/null || true
done
rm -rf "$work" "$folder/root"
mv "$root" "$folder/root"
root=$folder/root

multiarch=$(dpkg --print-architecture | sed 's/amd64/x86_64/; s/arm64/aarch64/')-linux-gnu
cat >"$folder/environment.partial" <<ENVIRONMENT
PYTHONPATH=$root/usr/lib/python3/dist-packages
LIBRARIES=$root/usr/lib/$multiarch:$root/lib/$multiarch:$root/usr/lib
OPENBLAS=$root/usr/lib/$multiarch/openblas
ENVIRONMENT
(
  set -a
  . "$folder/environment.partial"
  LD_LIBRARY_PATH=$OPENBLAS-openmp:$LIBRARIES PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 - <<'PROOF'
import torch
try:
    import torch.func
except ImportError:
    import functorch
PROOF
) || { echo "PyTorch was unpacked but does not load" >&2; exit 1; }
mv "$folder/environment.partial" "$folder/environment"
