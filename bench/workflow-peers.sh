#!/usr/bin/env bash
# A chain of no-op steps in Luigi (a local workflow engine, from PyPI), each a process of its own, for the row in docs/performance.md.
# usage: bench/workflow-peers.sh [steps]
set -euo pipefail
steps="${1:-1000}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet luigi==3.8.1
cat > "$work/chain.py" <<'PY'
import pathlib
import subprocess
import sys
import time

import luigi

OUT = pathlib.Path(sys.argv[2])


class Step(luigi.Task):
    number = luigi.IntParameter()

    def requires(self):
        return Step(number=self.number - 1) if self.number else []

    def output(self):
        return luigi.LocalTarget(str(OUT / str(self.number)))

    def run(self):
        subprocess.run(["true"], check=True)
        with self.output().open("w") as done:
            done.write("done")


steps = int(sys.argv[1])
sys.setrecursionlimit(100_000)
began = time.monotonic()
ok = luigi.build([Step(number=steps - 1)], local_scheduler=True, log_level="ERROR")
took = time.monotonic() - began
assert ok
print(f"luigi: {steps} steps in {took:.1f} s, {took * 1000 / steps:.2f} ms each")
PY
mkdir "$work/out"
"$work/venv/bin/python" "$work/chain.py" "$steps" "$work/out"
