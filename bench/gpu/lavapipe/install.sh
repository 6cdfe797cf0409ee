#!/usr/bin/env bash
# Mesa's software Vulkan driver "lavapipe", version 26, in a private library root: the one driver on a processor that
# offers float16 and subgroup matrices. It needs a newer C library than Debian 12 has, so its whole dependency closure
# is unpacked beside it, and Node is run inside those libraries. Nothing on the system is changed; no root is needed.
#
#   install.sh FOLDER    downloads about 61 MB, unpacks about 270 MB into FOLDER, and prints nothing on success
#
# Packages come from Debian trixie and trixie-backports on the mirror that the system's apt is configured with (or on
# $DEBIAN_MIRROR), checked against Debian's keys as always; apt works in directories of its own inside FOLDER.
set -euo pipefail

folder=${1:?usage: install.sh FOLDER}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
root=$folder/root
[[ -e $root/lavapipe.json ]] && exit 0

codename=$(. /etc/os-release && echo "${VERSION_CODENAME:?}")
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
  awk -v release="$codename" '$1 == release { print $2; exit }')}
: "${mirror:?apt knows no Debian mirror: set DEBIAN_MIRROR}"

apt=$folder/apt
mkdir -p "$apt"/{lists/partial,archives/partial,preferences.d,parts}
: >"$apt/status"
cat >"$apt/sources.list" <<SOURCES
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie-backports main
SOURCES
# An empty package status makes apt resolve everything down to the C library.
cat >"$apt/apt.conf" <<CONFIGURATION
Dir::State "$apt";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
Dir::Cache::archives "$apt/archives";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "$apt/parts";
Dir::Etc::preferences "$apt/preferences";
Dir::Etc::preferencesparts "$apt/preferences.d";
Dir::Log "$apt";
APT::Sandbox::User "";
APT::Install-Recommends "false";
Acquire::Languages "none";
CONFIGURATION
export APT_CONFIG=$apt/apt.conf

{
  apt-get update -qq
  apt-get install -qq --yes --download-only -t trixie-backports mesa-vulkan-drivers
} >"$apt/log" 2>&1 || { cat "$apt/log" >&2; exit 1; }

partial=$root.partial
rm -rf "$partial"
mkdir -p "$partial"
for package in "$apt"/archives/*.deb; do dpkg-deb -x "$package" "$partial"; done

rm -rf "$root"
mv "$partial" "$root"
driver=$(find "$root/usr/lib" -name libvulkan_lvp.so | head -n 1)
: "${driver:?the packages hold no lavapipe}"
libraries=$(dirname "$driver")
# A relative path in the packaged description would be looked up among the system's libraries.
cat >"$root/lavapipe.json" <<DESCRIPTION
{"file_format_version": "1.0.1", "ICD": {"api_version": "1.4.305", "library_path": "$driver"}}
DESCRIPTION
ln -sfn "$libraries" "$root/libraries"
