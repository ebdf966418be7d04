#!/usr/bin/env bash
# A whole Slurm of one node, this machine, for tests and for trying the Slurm executor. It needs root and Debian's packages
# slurm-wlm and munge; everything it writes is in one folder, nothing in /etc, and no other Slurm of the machine is touched.
#
#   scripts/slurm-one-node.sh start FOLDER    starts munged, slurmctld and slurmd, waits until jobs are taken
#   export SLURM_CONF=FOLDER/slurm.conf       what sbatch, squeue and weak-teacher then need
#   scripts/slurm-one-node.sh stop FOLDER     cancels what runs and stops the three
#   scripts/slurm-one-node.sh run FOLDER COMMAND...    all of it around one command, with that command's exit code
#
# CPUS (default: those of the machine) is how many cores the node says it has; tests let it say more than there are.
set -euo pipefail

usage() {
  sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
}

(($# == 2)) || { (($# > 2)) && [[ $1 == run ]]; } || usage
mkdir -p "$2"
dir=$(cd "$2" && pwd)
[[ $dir != *[[:space:]]* ]] || { echo "$dir: Slurm's configuration takes no paths with spaces" >&2; exit 2; }
export SLURM_CONF="$dir/slurm.conf"

free_port() {
  node -e 'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}

write_config() {
  local host cpus=${CPUS:-$(nproc)}
  host=$(hostname -s)
  cat >"$SLURM_CONF" <<CONF
ClusterName=one-node
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
CryptoType=crypto/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
ReturnToService=2
SlurmUser=root
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
SlurmdSpoolDir=$dir/spool
StateSaveLocation=$dir/state
SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobRequeue=1
KillWait=5
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=1000 State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
}

start() {
  for program in munged slurmctld slurmd sbatch; do
    command -v "$program" >/dev/null || { echo "$program is not installed: apt-get install slurm-wlm munge" >&2; exit 1; }
  done
  (($(id -u) == 0)) || { echo "slurmd starts jobs as their users and needs root" >&2; exit 1; }
  mkdir -p "$dir/munge" "$dir/state" "$dir/spool"
  chmod 755 "$dir/munge"
  write_config
  head -c 128 /dev/urandom >"$dir/munge/key"
  chmod 400 "$dir/munge/key"
  # --force: the folder above may be writable by others, as /tmp is.
  munged --force --key-file="$dir/munge/key" --socket="$dir/munge/socket" --pid-file="$dir/munge/pid" \
    --log-file="$dir/munge/log" --seed-file="$dir/munge/seed"
  slurmctld -f "$SLURM_CONF"
  slurmd -f "$SLURM_CONF"
  for _ in $(seq 100); do
    if [[ $(sinfo --noheader --format=%T 2>/dev/null) == idle ]]; then
      echo "export SLURM_CONF=$SLURM_CONF"
      return 0
    fi
    sleep 0.2
  done
  tail -n 20 "$dir"/slurmctld.log "$dir"/slurmd.log >&2
  stop
  echo "the node did not become idle" >&2
  exit 1
}

# Ends a daemon by the id in its file, and waits until it is gone.
end() {
  local pid
  pid=$(cat "$1" 2>/dev/null) || return 0
  kill "$pid" 2>/dev/null || return 0
  for _ in $(seq 50); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -9 "$pid" 2>/dev/null || true
}

stop() {
  timeout 10 scancel --quiet --state=PENDING --user="$(id -un)" 2>/dev/null || true
  timeout 10 scancel --quiet --user="$(id -un)" 2>/dev/null || true
  for _ in $(seq 40); do
    [[ -n $(timeout 5 squeue --noheader 2>/dev/null) ]] || break
    sleep 0.2
  done
  end "$dir/slurmd.pid"
  end "$dir/slurmctld.pid"
  end "$dir/munge/pid"
}

case $1 in
  start) start ;;
  stop) stop ;;
  run)
    shift 2
    start >/dev/null
    trap stop EXIT
    # Ctrl-C is the command's to answer: it cancels its jobs, then the trap stops the daemons.
    trap : INT TERM
    "$@"
    ;;
  *) usage ;;
esac
