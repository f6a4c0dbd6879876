#!/usr/bin/env bash
# No-op process jobs a second: xargs -P and pueue beside the drain benchmark, on the same machine, in turns.
#
#     bench/peers.sh [slots] [rounds]
#
# pueue 4 is used if `pueue` and `pueued` are on PATH (cargo install pueue); it gets a home of its own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
slots=${1:-8} rounds=${2:-5}
jobs=3000 pueue_jobs=100

now() { date +%s%N; }
rate() { awk -v jobs="$1" -v from="$2" -v to="$3" 'BEGIN { printf "%.1f\n", jobs * 1e9 / (to - from) }'; }
median() { sort -g | awk '{ f[NR] = $1 } END { print f[int((NR + 1) / 2)] }'; }

xargs_round() {
    local from
    from=$(now)
    seq "$jobs" | xargs -P "$slots" -n 1 /bin/true
    rate "$jobs" "$from" "$(now)"
}

pueue_round() {
    local from
    pueue pause >/dev/null
    for _ in $(seq "$pueue_jobs"); do pueue add /bin/true >/dev/null; done
    from=$(now)
    pueue start >/dev/null
    pueue wait --quiet >/dev/null
    rate "$pueue_jobs" "$from" "$(now)"
    pueue clean >/dev/null
}

home=$(mktemp -d)
trap 'kill "${daemon:-}" 2>/dev/null || true; rm -rf "$home"' EXIT
has_pueue=false
if command -v pueue pueued >/dev/null; then
    has_pueue=true
    mkdir -p "$home/config/pueue" "$home/run"
    printf 'shared:\n  runtime_directory: %s/run\n  pueue_directory: %s/data\n' "$home" "$home" >"$home/config/pueue/pueue.yml"
    export XDG_CONFIG_HOME=$home/config XDG_RUNTIME_DIR=$home/run
    pueued >"$home/log" 2>&1 &
    daemon=$!
    until pueue status >/dev/null 2>&1; do sleep 0.1; done
    pueue parallel "$slots" >/dev/null
fi

for _ in $(seq "$rounds"); do
    xargs_round >>"$home/xargs"
    $has_pueue && pueue_round >>"$home/pueue"
    cargo bench --quiet -p agents-cli --bench drain -- "$jobs" 1 | grep "^$slots slots" >>"$home/drain"
done
field() { grep -o "$1 [0-9.]*" "$home/drain" | cut -d' ' -f2 | median; }
agents=$(field agents)
echo "$slots slots, medians of $rounds rounds, jobs per second"
echo "spawn floor: $(field bare)"
echo "agents: $agents"
compare() { awk -v name="$1" -v peer="$2" -v ours="$agents" 'BEGIN { printf "%s: %s, agents / it %.2f\n", name, peer, ours / peer }'; }
compare "xargs -P" "$(median <"$home/xargs")"
if $has_pueue; then
    compare pueue "$(median <"$home/pueue")"
else
    echo 'pueue: not installed'
fi
