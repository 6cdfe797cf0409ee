#!/usr/bin/env python3
"""Gauss-Newton products of the MNIST autoencoder in PyTorch on the processor, for suites/torchProduct.ts, which asks line
by line: {"prepare": {"batch": n, "threads": t}} or {"run": recipe},
one JSON object back for each.

Recipes, each giving the same product for the mean logistic cross-entropy:
  functorch     jvp, output Hessian, vjp of the plain model: forward pass and its derivatives every time
  rOperator     written by hand with the activations kept: R-forward pass, output Hessian, backward pass

Numbers and layers are those of ../gpu/peers/rows.py, which are those of bench/src/numbers.ts.
"""

import json
import pathlib
import sys
import time

import torch

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "gpu" / "peers"))
from autoencoder_torch import model, output_hessian  # noqa: E402
from rows import CODE_LAYER, images, layers  # noqa: E402

try:
    from torch.func import jvp, vjp
except ImportError:  # before PyTorch 2
    from functorch import jvp, vjp


def upload(seed):
    return [(torch.from_numpy(w), torch.from_numpy(b)) for w, b in layers(seed)]


class Case:
    def __init__(self, batch):
        self.batch = batch
        self.theta, self.v = upload(1), upload(100)
        self.x = torch.from_numpy(images(batch))
        with torch.no_grad():
            self.keep_activations()

    def keep_activations(self):
        """Inputs and derivatives of every layer at theta, and the output Hessian's diagonal."""
        self.inputs, self.slopes = [self.x], []
        for i, (w, b) in enumerate(self.theta):
            z = torch.addmm(b, self.inputs[-1], w)
            if i == len(self.theta) - 1:
                p = torch.sigmoid(z)
                self.hessian = (p - p * p) / self.batch
            elif i == CODE_LAYER:
                self.inputs.append(z)
                self.slopes.append(None)
            else:
                h = torch.sigmoid(z)
                self.inputs.append(h)
                self.slopes.append(h - h * h)

    def functorch(self):
        f = lambda parameters: model(parameters, self.x)  # noqa: E731
        z, tangent = jvp(f, (self.theta,), (self.v,))
        _, pull = vjp(f, self.theta)
        return pull(output_hessian(z, tangent, self.batch))[0]

    @torch.no_grad()
    def r_operator(self):
        tangent = None  # of the data: zero
        for i, ((w, _), (vw, vb)) in enumerate(zip(self.theta, self.v)):
            z = torch.addmm(vb, self.inputs[i], vw)
            if tangent is not None:
                z.addmm_(tangent, w)
            if i < len(self.slopes) and self.slopes[i] is not None:
                z.mul_(self.slopes[i])
            tangent = z
        delta = tangent.mul_(self.hessian)
        result = [None] * len(self.theta)
        for i in range(len(self.theta) - 1, -1, -1):
            result[i] = (self.inputs[i].t() @ delta, delta.sum(0))
            if i > 0:
                delta = delta @ self.theta[i][0].t()
                if self.slopes[i - 1] is not None:
                    delta.mul_(self.slopes[i - 1])
        return result


def flat(product):
    return torch.cat([part.reshape(-1) for layer in product for part in layer])


def sample(values):
    """As sampleOf of peers/peerCase.ts takes them."""
    return values[:: max(1, values.numel() // 997)].tolist()


def main():
    case, recipes = None, {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "prepare" in request:
                torch.set_num_threads(request["prepare"]["threads"])
                case = Case(request["prepare"]["batch"])
                recipes = {"functorch": case.functorch, "rOperator": case.r_operator}
                answer = {
                    "version": torch.__version__,
                    "functions": jvp.__module__,
                    "samples": {name: sample(flat(run())) for name, run in recipes.items()},
                }
            else:
                run = recipes[request["run"]]
                start = time.perf_counter()
                run()
                answer = {"milliseconds": 1000 * (time.perf_counter() - start)}
        except Exception as error:  # a recipe that fails is an answer, not the end
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
