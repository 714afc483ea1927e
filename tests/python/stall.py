"""Where one rank alone calls what is Collective, the one that sees first that nothing goes on ends all, and says why."""

import os
import re
import subprocess
import sys

program = """
import numpy, nnmpi
rank = nnmpi.Comm().rank
alone = nnmpi.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: rank or model.save("alone.h5"))
model = nnmpi.Sequential([nnmpi.layers.Dense(2)]).compile("sgd", "cross_entropy", stall_timeout=1)
model.fit(numpy.eye(8), numpy.arange(8) % 2, epochs=2, callbacks=[alone])
"""
ranks = os.path.join(os.environ["SOURCE_DIR"], "tests/ranks.sh")
environment = {**os.environ, "NNMPI_TEST_NODES": "2"}
ended = subprocess.run([ranks, "2", sys.executable, "-c", program], env=environment, stderr=subprocess.PIPE, text=True)
assert ended.returncode == 5, ended
wanted = r"the ranks on \S+ have waited .* for those of other nodes .*; all ranks end \(train.stall_timeout = 1\)"
assert re.search(wanted, ended.stderr), ended.stderr
