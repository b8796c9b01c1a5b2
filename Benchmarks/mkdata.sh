#!/bin/sh
# Makes the captures that are measured, those that are not there yet. Deterministic: seed 1.
#   mkdata.sh GENERATOR DIRECTORY [small]
set -eu
gen=$1
dir=$2
size=${3:-full}
mkdir -p "$dir"

make_one() { # name, then the generator's arguments
    name=$1
    shift
    [ -s "$dir/$name.pcap" ] && return
    echo "making $dir/$name.pcap" >&2
    "$gen" "$@" -o "$dir/$name.part"
    mv "$dir/$name.part" "$dir/$name.pcap"
}

for profile in ws http hostile noise; do make_one "$profile-200m" -p "$profile" -b 200m; done
make_one flows-80k -p flows -f 80000
[ "$size" = small ] && exit 0
for profile in ws http hostile; do make_one "$profile-1g" -p "$profile" -b 1g; done
make_one flows-1m -p flows -f 1000000
make_one noise-2g -p noise -b 2g
