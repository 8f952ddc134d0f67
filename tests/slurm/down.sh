#!/usr/bin/env bash
# Stop what up.sh started: its jobs, then every daemon by its pid, and wait until each is gone.
# usage: down.sh FOLDER
set -euo pipefail
folder=$1

alive() { kill -0 "$1" 2> /dev/null; }

# A daemon removes its pid file when it ends, so the numbers are read first.
pids=()
for file in "$folder"/pid/*.pid; do
    [ -s "$file" ] && pids+=("$(cat "$file")")
done

if [ -s "$folder/pid/slurmctld.pid" ] && alive "$(cat "$folder/pid/slurmctld.pid")"; then
    scancel --user root || true
    for _ in $(seq 100); do
        [ -z "$(squeue -h)" ] && break
        sleep 0.1
    done
fi
for pid in "${pids[@]}"; do
    kill "$pid" 2> /dev/null || true
done
for pid in "${pids[@]}"; do
    for _ in $(seq 200); do
        alive "$pid" || continue 2
        sleep 0.1
    done
    echo "the daemon with pid $pid did not stop within 20 s" >&2
    exit 1
done
for name in slurm.conf gres.conf; do
    if [ "$(readlink "/etc/slurm/$name")" = "$folder/$name" ]; then
        rm "/etc/slurm/$name"
    fi
done
