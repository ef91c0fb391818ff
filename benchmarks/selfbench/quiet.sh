#!/bin/sh
# Everything that wants a machine on which nothing else runs, with the figures kept for docs/checked.md and docs/gil.md.
#
#   sh benchmarks/selfbench/quiet.sh probe  [PYTHON...]   11 minutes for three interpreters: 5, and 3 for each PYTHON
#   sh benchmarks/selfbench/quiet.sh losses               14 minutes
#
# PYTHON: other interpreters with gilscope (and gilknocker, if it is to be beside) installed.
set -u
cd "$(dirname "$0")/../.." || exit 2
python=${GILSCOPE_PYTHON:-.venv/bin/python}
failed=0

run() {
    echo
    echo "\$ $*"
    "$@" || failed=1
}

label() { # 3.12
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'
}

part=${1:-}
[ $# -gt 0 ] && shift
case $part in
probe)
    run "$python" benchmarks/selfbench/gil_probe.py --json "docs/examples/gil_probe_$(label "$python").json"
    for other in "$@"; do
        out="docs/examples/gil_probe_$(label "$other").json"
        run "$other" benchmarks/selfbench/gil_probe.py held waiting holds --json "$out"
    done
    ;;
losses)
    run "$python" docs/update.py gil --measure
    run "$python" -m benchmarks.selfbench.faults --budget 20 --json docs/examples/faults.json
    run "$python" -m benchmarks.selfbench.unexplained --budget 160
    run "$python" -m benchmarks.selfbench.noise --budget 20
    ;;
*)
    sed -n '2,7s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
"$python" docs/update.py checked
exit $failed
