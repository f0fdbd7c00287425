"""Timing and command line that train_step.py and infer.py share."""

import argparse
import json
import statistics
import time

import torch

import nets


def arguments(about, batches):
    p = argparse.ArgumentParser(description=about)
    p.add_argument("--net", required=True, choices=sorted(nets.NETS))
    p.add_argument("--batch", type=int, nargs="+", default=batches)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--seconds", type=float, default=5.0, help="to measure each case")
    p.add_argument("--warm-up", type=int, default=5, help="calls before the measurement")
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_num_interop_threads(1)
    return args


def timed(call, seconds, warm_up):
    """Milliseconds of each call, for so many seconds but at least 10 calls."""
    for _ in range(warm_up):
        call()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 10 or (time.perf_counter() < end and len(times) < 100_000):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1e3)
    return times


def report(args, net, batch, mode, times):
    """One JSON line."""
    deciles = statistics.quantiles(times, n=10)
    print(json.dumps({
        "peer": "pytorch " + torch.__version__, "net": args.net, "mode": mode, "batch": batch,
        "threads": args.threads, "parameters": nets.parameters(net), "calls": len(times),
        "median_ms": round(statistics.median(times), 4),
        "p10_ms": round(deciles[0], 4), "p90_ms": round(deciles[-1], 4),
    }), flush=True)
