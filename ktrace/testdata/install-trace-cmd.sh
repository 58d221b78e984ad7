#!/bin/sh
# Installs trace-cmd and perf from Debian's packages, which some tests compare with.
set -e
apt-get update
apt-get install -y --no-install-recommends trace-cmd linux-perf
