#!/usr/bin/env bash
# Start a throw-away Slurm on this host, as root: munged, slurmctld and two slurmd, with fake GPUs.
# usage: up.sh FOLDER        everything lies in FOLDER, but for two links in /etc/slurm
# Packages: munge slurmctld slurmd slurm-client. `down.sh FOLDER` stops it all.
set -euo pipefail
folder=$1
here=$(cd "$(dirname "$0")" && pwd)
host=$(hostname -s)
cpus=${CPUS:-2} # a node; no more are used at once than the jobs themselves use
gpus=2          # a node

mkdir -p "$folder"/{state,log,pid,gpu,spool/n1,spool/n2}
chmod 755 "$folder"

# A GPU must be a character device, or no job is told which one it has: copies of /dev/null will do.
for number in $(seq 0 $((gpus - 1))); do
    mknod "$folder/gpu/fake$number" c 1 3
done
echo "Name=gpu Type=fake File=$folder/gpu/fake[0-$((gpus - 1))]" > "$folder/gres.conf"

sed -e "s|@folder@|$folder|g; s|@host@|$host|g; s|@cpus@|$cpus|g; s|@gpus@|$gpus|g" \
    "$here/slurm.conf.in" > "$folder/slurm.conf"

# Only the usual place will do: the nested srun of Snakemake's jobs is started without SLURM_CONF.
mkdir -p /etc/slurm
ln -s "$folder/slurm.conf" "$folder/gres.conf" /etc/slurm/
unset SLURM_CONF

# A munge of our own, beside one that the host may run.
(umask 077 && head -c 1024 /dev/urandom > "$folder/munge.key")
munged --key-file "$folder/munge.key" --socket "$folder/munge.socket" \
    --pid-file "$folder/pid/munged.pid" --seed-file "$folder/munge.seed" \
    --log-file "$folder/log/munged.log"
slurmctld
slurmd -N n1
slurmd -N n2

for _ in $(seq 100); do
    if [ "$(sinfo -h -N -p cpu -t idle -o %N 2> /dev/null | wc -l)" = 2 ]; then
        exit 0
    fi
    sleep 0.1
done
echo "the nodes did not become idle within 10 s" >&2
sinfo -N -l >&2 || true
tail -n 20 "$folder"/log/*.log >&2
exit 1
