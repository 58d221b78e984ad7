#!/bin/sh
# verdicts.sh SELFTESTS_YAML SELFTESTS_TSV > verdicts.txt
# The first is the conformance suite's, the second the oracle's selftest/selftests.tsv; both in the order of raw.txt.
set -e
awk '
	/^- id:/ { if (fn != "") print fn, col, kind, step; kind = "none"; step = 0 }
	/^  fn:/ { fn = $2; gsub(/[()]/, "", fn) }
	/^  column:/ { col = $2; gsub(/"/, "", col) }
	/^  report:/ { kind = $2 }
	/^  report_step:/ { step = $2 }
	END { print fn, col, kind, step }
' "$1" >/tmp/verdicts.$$
tail -n +2 "$2" | cut -f15 | paste -d' ' /tmp/verdicts.$$ -
rm /tmp/verdicts.$$
