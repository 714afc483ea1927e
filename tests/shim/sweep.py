#!/usr/bin/env python3
"""Fails the N-th call of each kind on each rank of a short run, one run for each, and looks at how the
job ends: with the exit code of docs/errors.md, with the words of the rank that failed as the last thing on
the screen, and within seconds. tests/lib.sh and the shim mpi.so are around it.

  sweep.py --shim mpi.so                    every N of every kind, mode and rank
  sweep.py --shim mpi.so --sample 40        as many as fit into 40 seconds, drawn with a fixed seed
  sweep.py --shim mpi.so --only mpi,node,1  of these kinds, modes and ranks
  sweep.py --shim mpi.so --tried FILE       all of it, but for runs that FILE says ended as they should;
                                            each run is added to it, so that what was stopped goes on

A job that takes too long to end is given a second try, alone: other programs may have had the processors.
Prints a row for each kind and mode, and for each run that did not end as it should how to repeat it. The
exit code is 1 where there was one."""
import argparse
import collections
import concurrent.futures
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

RANKS = 3
HANG_SECONDS = 40  # more than it has to end in; and more than a run takes without a fault
CONFIG = """data: {path: blobs.h5, prefetch: true}
model: [dense: {units: 4}, batch_norm, tanh, dense: {units: 3}]
loss: cross_entropy
train: {epochs: 2, batch_size: 12, log_every: 1, optimizer: {sgd: {lr: 0.1, momentum: 0.9}}}
validate: {early_stopping: {patience: 9, restore_best: true}}
"""
MODES = {
    "allreduce": (["-o", "train.reduce=allreduce"], 1),
    "node": (["-o", "train.reduce=node"], 1),
    "2 nodes": (["-o", "train.reduce=node"], 2),
}
MEMORY, IO = r"out of memory|Cannot allocate memory|thread", r"Input/output error"
# What fails, the codes it may end with, and what the message says. With 0 the run did without the call,
# and has trained what it trains undisturbed.
KINDS = {
    "malloc": ({0, 6}, MEMORY), "mmap": ({0, 6}, MEMORY), "memfd": ({0, 6}, MEMORY), "thread": ({0, 6}, "thread"),
    "open": ({0, 2, 3, 6}, IO), "read": ({0, 2, 3, 6}, IO), "pread": ({0, 3, 6}, IO), "stat": ({0, 2, 3, 6}, IO),
    "write": ({0, 6}, IO),  # a line on the screen may be lost
    "pwrite": ({0, 6}, IO), "fsync": ({6}, IO), "ftruncate": ({0, 6}, IO),
    "rename": ({6}, IO), "symlink": ({6}, IO), "unlink": ({0, 6}, IO), "mkdir": ({0, 6}, IO),
    "close": ({0, 3, 6}, IO), "fchown": ({0}, IO), "fcntl": ({0}, IO), "lseek": ({0, 3, 6}, IO),
    "opendir": ({0, 6}, IO), "statvfs": ({6}, IO), "entropy": ({6}, IO),
    "mpi": ({0, 5}, r"MPI_\w+ failed"), "test": ({5}, r"MPI_\w+ failed"),
}
LOOKS = [1, 2, 3, 5, 10, 30, 100, 300]  # of MPI_Test, whose number is another one in each run

Case = collections.namedtuple("Case", "kind mode rank at")
Result = collections.namedtuple("Result", "case struck seconds code wrong screen")


def environment(folder, nodes):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("FAULT", "NNMPI_TEST_NODES"))}
    if nodes > 1:
        env["NNMPI_TEST_NODES"] = str(nodes)
    env["OMPI_MCA_orte_tmpdir_base"] = folder
    env["OMPI_MCA_btl_vader_backing_directory"] = folder
    return env


def descendants(pid):
    parents = collections.defaultdict(list)
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as stat:
                parents[int(stat.read().rsplit(")", 1)[1].split()[1])].append(int(name))
        except OSError:
            pass
    found = [pid]
    for one in found:
        found += parents[one]
    return found


def end(process):
    for pid in descendants(process.pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()


def wait(process, mark, patience):
    """The time of the fault (None: there was none) and whether the job ended by itself."""
    begin, struck = time.time(), None
    while process.poll() is None:
        if struck is None and os.path.exists(mark):
            struck = os.stat(mark).st_mtime
        if time.time() - (struck or begin) > patience + HANG_SECONDS:
            end(process)
            return struck, False
        time.sleep(0.02)
    if struck is None and os.path.exists(mark):
        struck = os.stat(mark).st_mtime
    return struck, True


def start(folder, mode, faults, shim):
    options, nodes = MODES[mode]
    sleeper = os.path.join(os.environ["BUILD_DIR"], "tests/libyield.so")  # of tests/ranks.sh
    preload = ":".join([shim] + [sleeper] * os.path.exists(sleeper))
    command = [os.path.join(os.environ["SOURCE_DIR"], "tests/ranks.sh"), str(RANKS), "env", f"LD_PRELOAD={preload}"]
    command += [f"{k}={v}" for k, v in faults.items()]
    command += [os.environ["NNMPI"], "train", "net.yaml", "--run", os.path.join(folder, "run"), "-q"] + options
    with open(os.path.join(folder, "screen"), "w") as screen:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen,
                                env=environment(folder, nodes), start_new_session=True)


def words(screen):
    """What nnmpi has said, without what mpirun and MPI_Abort of MPICH have."""
    screen = re.sub(r"(?ms)^-{20,}$.*?^-{20,}\n|^Abort\(\d+\) on node [^\n]*\n", "", screen.replace("\0", ""))
    lines = [line for line in screen.splitlines() if not re.match(r"\[[^]]*\] (\d+ more|Set MCA|\[\[)|\[warn\] |\s*$", line)]
    return [line for line in lines if "more ranks than cores" not in line]


def judge(case, code, screen, ended, late, digests):
    codes, reason = KINDS[case.kind]
    lines = words(screen)
    if not ended:
        return "hang"
    if code not in codes:
        return f"code {code}"
    if code == 0:
        return "" if any(f"digest {d}" in screen for d in digests) else "another digest"
    who = f"rank {case.rank} on {re.escape(socket.gethostname())}: "
    who = f"({who})?" if case.rank == 0 else who
    last = lines[-1] if lines else ""
    if not any(re.match(f"nnmpi: {who}.*({reason})", line) for line in lines):
        return "message"
    if not re.match(f"nnmpi: {who}.*({reason})", last):
        return "not last"
    return "late" if late else ""


def run(case, shim, digests, patience):
    # in memory: thousands of runs would wear a disk out
    folder = tempfile.mkdtemp(prefix="nnmpi-sweep.", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    mark = os.path.join(folder, "mark")
    faults = {"FAULT": case.kind, "FAULT_AT": case.at, "FAULT_RANK": case.rank, "FAULT_OWN": 1, "FAULT_MARK": mark}
    process = start(folder, case.mode, faults, shim)
    struck, ended = wait(process, mark, patience)
    seconds = time.time() - struck if struck else 0
    with open(os.path.join(folder, "screen"), errors="replace") as file:
        screen = file.read()
    shutil.rmtree(folder, ignore_errors=True)
    wrong = ""
    if struck or not ended:
        wrong = judge(case, process.returncode, screen, ended, seconds > patience, digests)
    return Result(case, struck is not None, seconds, process.returncode, wrong, screen)


def count(mode, shim, patience):
    """The calls of each kind on each rank of an undisturbed run, and its digest."""
    folder = tempfile.mkdtemp(prefix="nnmpi-sweep.")
    process = start(folder, mode, {"FAULT_COUNT_FILE": os.path.join(folder, "calls"), "FAULT_OWN": 1}, shim)
    process.wait(patience + HANG_SECONDS)
    screen = open(os.path.join(folder, "screen")).read()
    if process.returncode != 0:
        sys.exit(f"the undisturbed run ({mode}) ends with {process.returncode}:\n{screen}")
    calls = {}
    for rank in range(RANKS):
        with open(os.path.join(folder, f"calls.{rank}")) as file:
            for kind, number in (line.split() for line in file):
                calls[kind, rank] = int(number)
    shutil.rmtree(folder)
    return calls, re.search(r"^digest (\w+)", screen, re.M).group(1)


def cases_of(mode, calls):
    for (kind, rank), number in sorted(calls.items()):
        for at in LOOKS if kind == "test" else range(1, number + 1):
            yield Case(kind, mode, rank, at)


def spread(cases, draw):
    """In an order in which every kind, mode and rank comes soon."""
    groups = collections.defaultdict(list)
    for case in cases:
        groups[case[:3]].append(case)
    for group in groups.values():
        draw.shuffle(group)
    order = list(groups.values())
    draw.shuffle(order)
    while order:
        for group in order:
            yield group.pop()
        order = [group for group in order if group]


def table(results):
    rows = collections.defaultdict(list)
    for result in results:
        rows[result.case.kind, result.case.mode].append(result)
    print(f"{'kind':<10} {'mode':<10} {'runs':>5} {'failed':>6} {'did without':>11} {'hangs':>5} {'codes':>5} "
          f"{'words':>5} {'late':>4} {'worst s':>7}")
    for (kind, mode), row in sorted(rows.items()):
        struck = [r for r in row if r.struck]
        wrong = [r.wrong for r in row]
        print(f"{kind:<10} {mode:<10} {len(row):>5} {sum(r.code != 0 for r in struck):>6} "
              f"{sum(r.code == 0 for r in struck):>11} {wrong.count('hang'):>5} "
              f"{sum(w.startswith(('code', 'another')) for w in wrong):>5} "
              f"{sum(w in ('message', 'not last') for w in wrong):>5} {wrong.count('late'):>4} "
              f"{max((r.seconds for r in struck if r.wrong != 'hang'), default=0):>7.1f}")


def tell(result):
    c = result.case
    print(f"{result.wrong}: FAULT={c.kind} FAULT_AT={c.at} FAULT_RANK={c.rank}, {c.mode} "
          f"(--only '{c.kind},{c.mode},{c.rank},{c.at}'), code {result.code} after {result.seconds:.1f} s:")
    print("".join(f"    {line}\n" for line in result.screen.splitlines()[-30:]), flush=True)


def chosen(case, only):
    parts = only.split(",") if only else []
    return all(want in ("", str(have)) for want, have in zip(parts, case))


class Tried:
    """The runs so far; where there is a file, with those of it that ended as they should."""

    def __init__(self, name):
        self.results, self.file = [], None
        if name:
            lines = open(name).readlines() if os.path.exists(name) else []
            self.file = open(name, "w")
            for case, *rest in (json.loads(line) for line in lines if line.endswith("\n")):
                result = Result(Case(*case), *rest, screen="")
                if not result.wrong:
                    self.add(result)

    def add(self, result):
        self.results.append(result)
        if self.file:
            self.file.write(json.dumps(result[:-1]) + "\n")
            self.file.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shim", required=True)
    parser.add_argument("--sample", type=float, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="")
    parser.add_argument("--tried", metavar="FILE", default="")
    parser.add_argument("--patience", type=float, default=5, help="seconds in which a job has to end")
    args = parser.parse_args()
    with open("net.yaml", "w") as file:
        file.write(CONFIG)
    subprocess.run([os.environ["NNMPI"], "data", "make", "blobs", "-O", "blobs.h5", "--samples", "40", "--test",
                    "0.25", "-q"], check=True)
    shim, cases, digests, begin = os.path.abspath(args.shim), [], set(), time.time()
    for mode in MODES:
        calls, digest = count(mode, shim, args.patience)
        digests.add(digest)
        cases += [case for case in cases_of(mode, calls) if chosen(case, args.only)]
    tried, late = Tried(args.tried), []
    begun = {result.case for result in tried.results}
    order = collections.deque(spread([case for case in cases if case not in begun], random.Random(1)))
    signal.signal(signal.SIGTERM, lambda *_: order.clear())  # what is under way comes to its end

    def attempt(case):
        result = run(case, shim, digests, args.patience)
        if result.wrong == "late" and case not in late:
            late.append(case)
            return
        tried.add(result)
        if result.wrong:
            tell(result)

    def work():
        while not args.sample or not tried.results or time.time() - begin < args.sample:
            try:
                case = order.popleft()
            except IndexError:  # done, or told to end
                return
            attempt(case)

    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for future in [pool.submit(work) for _ in range(args.jobs)]:
            future.result()
    for case in list(late):
        attempt(case)
    table(tried.results)
    wrong = sum(bool(r.wrong) for r in tried.results)
    left = 0 if args.sample else len(set(cases) - {r.case for r in tried.results})
    print(f"{len(tried.results)} of {len(cases)} runs ({len(late)} late ones again, alone), "
          f"{wrong} ended otherwise than they should" + f"; {left} are left, go on by the same command" * (left > 0))
    sys.exit(1 if wrong or left else 0)


main()
