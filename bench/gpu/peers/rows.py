"""Rows of the GPU benchmarks from Python: the format of bench/src/gpu/gpuRow.ts, one JSON line each, and the same
operands as there, so that results can be compared between engines."""

import argparse
import json
import statistics
import sys
import time

import numpy

WIDTHS = [784, 1000, 500, 250, 30, 250, 500, 1000, 784]
CODE_LAYER = 3
DAMPING = 1.0


def numbers(seed, count, scale=1.0):
    """The linear congruential generator of bench/src/numbers.ts, uniform on [-1/2, 1/2) * scale.

    state_i = a^i s + c (1 + a + ... + a^(i-1)) modulo 2^32, all i at once.
    """
    factors = numpy.empty(count, numpy.uint32)
    factors.fill(1664525)
    powers = numpy.multiply.accumulate(factors, dtype=numpy.uint32)
    sums = numpy.empty(count, numpy.uint32)
    sums[0] = 1
    sums[1:] = powers[:-1]
    sums = numpy.add.accumulate(sums, dtype=numpy.uint32)
    states = powers * numpy.uint32(seed) + sums * numpy.uint32(1013904223)
    return ((states.astype(numpy.float64) / 2.0**32 - 0.5) * scale).astype(numpy.float32)


def layers(seed):
    """Weights [inputs, outputs] and biases of the autoencoder: parameters, or a direction."""
    result = []
    for i, outputs in enumerate(WIDTHS[1:]):
        inputs = WIDTHS[i]
        weights = numbers(seed + i, inputs * outputs, 2 / numpy.sqrt(inputs)).reshape(inputs, outputs)
        result.append((weights, numbers(seed + 50 + i, outputs, 0.2)))
    return result


def images(batch):
    return numbers(7, batch * WIDTHS[0]).reshape(batch, WIDTHS[0]) + numpy.float32(0.5)


def product_flops(batch):
    """Of the least work: two products per layer forwards and two backwards, less those that the data needs not."""
    weights = [a * b for a, b in zip(WIDTHS, WIDTHS[1:])]
    return 2 * batch * (4 * sum(weights) - 2 * weights[0])


def options(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--sizes", default="1024,2048,4096,8192")
    parser.add_argument("--batches", default="512,7500")
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--round-milliseconds", type=float, default=20.0)
    parser.add_argument("--cpu", action="store_true", help="on the processor, to check results without a GPU")
    parser.add_argument("--output", help="also append the rows to this file")
    parsed = parser.parse_args()
    parsed.sizes = [int(size) for size in parsed.sizes.split(",") if size]
    parsed.batches = [int(batch) for batch in parsed.batches.split(",") if batch]
    return parsed


def measure(enqueue, wait, parsed):
    """Median, least and spread of the milliseconds of one call; as many calls as fill a round are waited for once."""
    for _ in range(3):
        start = time.perf_counter()
        enqueue()
        wait()
        milliseconds = (time.perf_counter() - start) * 1e3
    count = max(1, min(200, int(numpy.ceil(parsed.round_milliseconds / milliseconds))))
    times = []
    for _ in range(parsed.runs):
        start = time.perf_counter()
        for _ in range(count):
            enqueue()
        wait()
        times.append((time.perf_counter() - start) * 1e3 / count)
    return times


class Rows:
    def __init__(self, backend, device, parsed):
        self.backend, self.device, self.parsed = backend, device, parsed

    def emit(self, suite, case, times=None, flops=None, divisor=1, **more):
        times = None if times is None else [t / divisor for t in times]
        median = None if times is None else statistics.median(times)
        row = {
            "suite": suite,
            "case": case,
            "backend": self.backend,
            "device": self.device,
            "milliseconds": None if times is None else float(f"{median:.4g}"),
            "least": None if times is None else float(f"{min(times):.4g}"),
            "gflops": None if times is None or flops is None else float(f"{flops / median / 1e6:.4g}"),
            "spread": None if times is None else float(f"{(max(times) - min(times)) / median:.3g}"),
            "runs": 0 if times is None else len(times),
            "clock": "wall",
            **more,
        }
        line = json.dumps(row, ensure_ascii=False)
        print(line, flush=True)
        if self.parsed.output:
            with open(self.parsed.output, "a", encoding="utf8") as file:
                file.write(line + "\n")

    def attempt(self, suite, case, work):
        """One measurement that fails must not cost the others their time on a borrowed machine."""
        try:
            work()
        except Exception as error:  # noqa: BLE001
            print(f"{case}: {error}", file=sys.stderr)
            self.emit(suite, case, note=f"failed: {str(error)[:300]}")


def sampled_error(a, b, found):
    """Largest error of a few rows against float64, relative to the largest element."""
    rows = (numpy.arange(min(16, a.shape[0])) * 1237) % a.shape[0]
    exact = a[rows].astype(numpy.float64) @ b.astype(numpy.float64)
    return float(f"{numpy.abs(found[rows] - exact).max() / numpy.abs(exact).max():.3g}")
