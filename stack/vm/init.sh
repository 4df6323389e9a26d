#!/bin/busybox sh
# First process of a slot: mounts, network, then the agent, again whenever it ends.
export PATH=/bin
mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
for module in $(cat /lib/modules/order); do insmod "/lib/modules/$module"; done
ip link set lo up
ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0
ip route add default via 10.0.2.2
mount -t ext4 -o ro /dev/nvme0n2 /runtime
mount -t ext4 /dev/nvme0n1p1 /loader
mount -t ext4 /dev/nvme0n1p4 /data
slot=$(sed 's/.*flotilla\.slot=\([ab]\).*/\1/' /proc/cmdline)
version=$(cat /etc/flotilla/version)
echo "init: slot $slot version $version"
set -a
. /data/agent.env
. /etc/flotilla/agent.env
set +a
while true; do
  node /runtime/app/device-agent/src/main.ts
  echo "init: the agent ended with $?"
  sleep 1
done
