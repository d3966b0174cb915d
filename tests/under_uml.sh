#!/bin/bash
# Runs tests on a kernel of its own that has cgroup v2 with all controllers, delegated to them: for
# machines whose own has not. Needs linux.uml (Debian: user-mode-linux), no root; changes no file.
#
#   tests/under_uml.sh .venv/bin/python tests/actors/compute/test_cgroups.py
set -eu
if [ $$ -ne 1 ]; then
  here=$(cd "$(dirname "$0")/.." && pwd)
  exec linux.uml mem=1024M root=/dev/root rootfstype=hostfs rootflags=/ ro con=null con0=fd:0,fd:1 \
    init="$here/tests/under_uml.sh" "UML_CODE=$here" "UML_TESTS=$(IFS=,; echo "$*")" </dev/null
fi
mount -t proc proc /proc
mount -t tmpfs tmpfs /mnt
cp -r "$UML_CODE" /mnt/code
mount -t tmpfs tmpfs /tmp
mkdir -p /dev/shm /dev/pts /tmp/cgroups
mount -t tmpfs tmpfs /dev/shm
mount -t devpts devpts /dev/pts
ip link set lo up
mount -t cgroup2 none /tmp/cgroups
echo "+memory +pids +cpu" > /tmp/cgroups/cgroup.subtree_control
mkdir /tmp/cgroups/tests
cd /mnt/code
# shellcheck disable=SC2086 (words)
(echo $BASHPID > /tmp/cgroups/tests/cgroup.procs
 export HOME=/tmp PYTHONPATH=/mnt/code PYTHONDONTWRITEBYTECODE=1
 set -- ${UML_TESTS//,/ }; python=$1; shift
 exec "$python" -m pytest -q -p no:cacheprovider "$@") || true
exec /sbin/poweroff -f
