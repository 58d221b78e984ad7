#!/usr/bin/env python3
"""make.py MODEL_DIR > sequences.txt
make.py MODEL_DIR COUNT SEED

Random sequences of operations with the verdicts of the conformance suite's model (model.py, in MODEL_DIR), which is
written from the same rules in another way. One a line:

    recursive | kind step | kind step | op, op, ...

recursive: whether read_lock is recursive everywhere. Then what is reported and at which operation (from 1), with the
kernel's search and with a complete one; "none 0" if nothing. With COUNT and SEED so many are printed as they come;
without, those that tell little are left out.
"""
import random
import sys
from collections import deque

sys.path.insert(0, sys.argv[1])
import model


def complete(s, root, only, fwd, match, skip=None):
    """The strong-path search with states (class, only_xr), marked after the strength test."""
    q = deque([(root, only, None, None)])
    seen = set()
    while q:
        c, xr, parent, dep = q.popleft()
        if parent is not None:
            if parent[1]:
                dep &= ~(model.SR | model.SN)
            if not dep:
                continue
            xr = not dep & (model.SN | model.EN_)
        if (c, xr) in seen or (c, False) in seen:
            continue
        seen.add((c, xr))
        node = (c, xr, parent, dep)
        if skip and skip(c):
            continue
        if match(c, xr):
            return node
        for c2, d2 in (c.after if fwd else c.before).items():
            q.append((c2, False, node, d2))
    return None


KERNEL = model.Model.bfs
SPINS = [("L", "U", "ABC"), ("WL", "WU", "ABCD"), ("RL", "RU", "ABCD"), ("LLL", "LLU", " ")]
SLEEPS = [("WSL", "WSU", "ABC"), ("RSL", "RSU", "ABC"), ("ML", "MU", "AB"), ("MTRY", "MU", "AB"), ("RSL", "RSU", "ABC")]
RAW = [("RAWL", "RAWU", "AB"), ("RCU_LOCK", "RCU_UNLOCK", " "), ("L", "U", "AB"), ("RCU_SCHED_LOCK", "RCU_SCHED_UNLOCK", " ")]


def body(r, pool, depth=0):
    ops, held = [], []
    for _ in range(r.randint(1, 4)):
        on, off, names = r.choice(pool)
        n = r.choice(names)
        if (off, n) in held:
            continue
        ops.append(("%s %s" % (on, n) + (" = 1" if on == "MTRY" else "")).strip())
        held.append((off, n))
        x = r.random()
        if x < 0.08 and depth < 2:
            ops += section(r, pool, depth + 1)
        elif x < 0.14 and len(held) > 1:
            off, n = held.pop(r.randrange(len(held) - 1))
            ops.append(("%s %s" % (off, n)).strip())
    for off, n in reversed(held):
        ops.append(("%s %s" % (off, n)).strip())
    return ops


def section(r, pool, depth=0):
    b = body(r, pool, depth)
    kind = r.choice("ppppdddbbhs" if depth == 0 else "dbhs")
    if kind == "d":
        return ["IRQ_DISABLE"] + b + ["IRQ_ENABLE"]
    if kind == "b":
        return ["BH_DISABLE"] + b + ["BH_ENABLE"]
    if kind == "h":
        return ["IRQ_DISABLE", "HARDIRQ_CTX_ENTER", "HARDIRQ_THREADED"] + b + ["HARDIRQ_CTX_EXIT", "IRQ_ENABLE"]
    if kind == "s":
        b = ["BH_DISABLE", "IRQ_DISABLE", "SOFTIRQ_CTX_ENTER"] + b
        return b + ["SOFTIRQ_CTX_EXIT", "IRQ_ENABLE", "BH_ENABLE"]
    return b


def verdict(ops, forced, search):
    model.Model.bfs = search
    result, kind, step = model.run(ops, forced=forced)
    return (kind.split(":")[0] or "none") if result == "FAILURE" else "none", step


count = int(sys.argv[2]) if len(sys.argv) > 2 else 0
r = random.Random(int(sys.argv[3]) if count else 612)
kept = 0
seen = {}
while kept < (count or 3000):
    pool = r.choice([SPINS, SPINS, SPINS[1:3], SPINS[1:3], SLEEPS, SLEEPS, RAW])
    ops = []
    for _ in range(r.randint(2, 8)):
        ops += section(r, pool)
    if pool is SLEEPS:  # sleeping locks are no matter for interrupts
        ops = [o for o in ops if not o.startswith(("HARDIRQ", "SOFTIRQ"))]
    forced = r.random() < 0.6
    try:
        a, b = verdict(ops, forced, KERNEL), verdict(ops, forced, complete)
    except (IndexError, KeyError):
        continue
    # Keep what is rare, and a share of the rest.
    seen[a[0], a == b] = seen.get((a[0], a == b), 0) + 1
    if not count and a == b and seen[a[0], True] > (60 if a[0] in ("assert", "wait-context", "none") else 250):
        continue
    kept += 1
    if a[1] and b[1]:
        ops = ops[: max(a[1], b[1])]  # what comes after a report means nothing
    print("%d | %s %d | %s %d | %s" % (forced, *a, *b, ", ".join(ops)))
    if not count and sum(seen.values()) > 40000:
        break
