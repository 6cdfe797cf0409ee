"""The MNIST autoencoder in PyTorch, for torch_peer.py and for ../../torch/serve.py."""

import torch

from rows import CODE_LAYER


def model(parameters, x):
    h = x
    for i, (w, b) in enumerate(parameters):
        h = torch.addmm(b, h, w)
        if i != CODE_LAYER and i != len(parameters) - 1:
            h = torch.sigmoid(h)
    return h


def output_hessian(z, u, batch):
    """Of the mean logistic cross-entropy."""
    p = torch.sigmoid(z)
    return (p - p * p) * u / batch
