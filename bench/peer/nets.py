"""The networks of package zoo, again in PyTorch, for the comparison of speed.

Nothing here is used by Consilium. Each class mirrors the Go function of the same
name in zoo/ (layers in nn/): same kernels, widths, strides, norms and activations.
Change both together; test_nets.py pins the parameter counts.
"""

from torch import nn
import torch

GROUPS = 8  # of every group norm


def conv(rank, cin, cout, kernel, stride=1, groups=1):
    layer = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[rank]
    return layer(cin, cout, kernel, stride, padding=kernel // 2, groups=groups, bias=False)


def normed(rank, cin, cout, kernel, stride=1, groups=1, act=None):
    """Convolution, group norm, activation."""
    layers = [conv(rank, cin, cout, kernel, stride, groups), nn.GroupNorm(GROUPS, cout)]
    return nn.Sequential(*layers, *([act()] if act else []))


def pool(x):
    return x.flatten(2).mean(2)


class SqueezeExcite(nn.Module):
    def __init__(self, channels, reduce=4):
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // reduce)
        self.excite = nn.Linear(channels // reduce, channels)

    def forward(self, x):
        gate = nn.functional.hardsigmoid(self.excite(torch.relu(self.squeeze(pool(x)))))
        return x * gate.reshape(gate.shape + (1,) * (x.dim() - 2))


class Inverted(nn.Module):
    """MobileNetV3 block: nn.InvertedResidual in nn/block.go."""

    def __init__(self, rank, cin, kernel, expand, out, stride, act):
        super().__init__()
        self.body = nn.Sequential(
            normed(rank, cin, expand, 1, act=act),
            normed(rank, expand, expand, kernel, stride, groups=expand, act=act),
            SqueezeExcite(expand),
            normed(rank, expand, out, 1),
        )
        self.residual = stride == 1 and cin == out

    def forward(self, x):
        y = self.body(x)
        return x + y if self.residual else y


class Basic(nn.Module):
    """Residual block of two convolutions: nn.Basic in nn/block.go."""

    def __init__(self, rank, cin, out, stride):
        super().__init__()
        self.body = nn.Sequential(
            normed(rank, cin, out, 3, stride, act=nn.ReLU), normed(rank, out, out, 3)
        )
        self.skip = nn.Identity()
        if stride > 1 or cin != out:
            self.skip = normed(rank, cin, out, 1, stride)

    def forward(self, x):
        return torch.relu(self.body(x) + self.skip(x))


class AttentionPool(nn.Module):
    """[B, T, C] averaged over time with learned weights: nn.AttentionPool in nn/gru.go."""

    def __init__(self, channels, hidden=32):
        super().__init__()
        self.key = nn.Linear(channels, hidden)
        self.score = nn.Linear(hidden, 1)

    def forward(self, x):
        weights = torch.softmax(self.score(torch.tanh(self.key(x))), 1)
        return (x * weights).sum(1)


class Pool(nn.Module):
    def forward(self, x):
        return pool(x)


class TimeFirst(nn.Module):
    """[B, C, T] to [B, T, C] or back."""

    def forward(self, x):
        return x.transpose(1, 2)


def inverted(rank, cin, rows):
    blocks = []
    for kernel, expand, out, stride, act in rows:
        blocks.append(Inverted(rank, cin, kernel, expand, out, stride, act))
        cin = out
    return nn.Sequential(*blocks)


def mobilenet2d(channels=1, classes=2):
    rows = [
        (3, 32, 16, 1, nn.ReLU),
        (3, 64, 24, 2, nn.ReLU),
        (3, 96, 24, 1, nn.ReLU),
        (5, 96, 40, 2, nn.Hardswish),
        (5, 120, 40, 1, nn.Hardswish),
        (5, 120, 48, 1, nn.Hardswish),
    ]
    return nn.Sequential(
        normed(2, channels, 16, 3, act=nn.Hardswish),
        inverted(2, 16, rows),
        normed(2, 48, 128, 1, act=nn.Hardswish),
        Pool(),
        nn.Linear(128, 128), nn.Hardswish(), nn.Dropout(0.2), nn.Linear(128, classes),
    )


def resnet2d(channels=1, classes=2):
    return nn.Sequential(
        normed(2, channels, 32, 3, act=nn.ReLU),
        Basic(2, 32, 32, 1), Basic(2, 32, 64, 2), Basic(2, 64, 128, 2),
        Pool(), nn.Dropout(0.2), nn.Linear(128, classes),
    )


def cnn5(channels=1, classes=2):
    layers, cin = [], channels
    for out, stride in [(32, 1), (32, 2), (64, 1), (64, 2), (128, 1)]:
        layers.append(normed(2, cin, out, 3, stride, act=nn.ReLU))
        cin = out
    return nn.Sequential(*layers, Pool(), nn.Linear(128, classes))


def resnet3d(channels=1, classes=2):
    return nn.Sequential(
        normed(3, channels, 16, 3, 2, act=nn.ReLU),
        Basic(3, 16, 32, 2), Basic(3, 32, 64, 2),
        Pool(), nn.Dropout(0.2), nn.Linear(64, classes),
    )


def mobilenet_ecg(leads=12, classes=6):
    rows = [
        (9, 48, 24, 2, nn.ReLU),
        (9, 72, 32, 2, nn.ReLU),
        (9, 96, 32, 2, nn.ReLU),
        (9, 96, 48, 2, nn.Hardswish),
        (9, 144, 48, 2, nn.Hardswish),
        (9, 144, 64, 2, nn.Hardswish),
    ]
    return nn.Sequential(
        normed(1, leads, 24, 15, 4, act=nn.Hardswish),
        inverted(1, 24, rows),
        normed(1, 64, 128, 1, act=nn.Hardswish),
        TimeFirst(), AttentionPool(128), nn.Dropout(0.2), nn.Linear(128, classes),
    )


class GRUCough(nn.Module):
    """[B, frames, mels]: strided convolutions, bidirectional GRU, attention over time.

    PyTorch's GRU has a second bias for the reset and update gates, which adds nothing
    to what it can compute: 4 x hidden more parameters than the Go network."""

    def __init__(self, mels=64, classes=2, hidden=48):
        super().__init__()
        layers, cin = [], mels
        for out in [48, 64, 64]:
            layers.append(normed(1, cin, out, 5, 2, act=nn.Hardswish))
            cin = out
        self.front = nn.Sequential(TimeFirst(), *layers, TimeFirst())
        self.gru = nn.GRU(cin, hidden, batch_first=True, bidirectional=True)
        self.end = nn.Sequential(AttentionPool(2 * hidden), nn.Dropout(0.3), nn.Linear(2 * hidden, classes))

    def forward(self, x):
        states, _ = self.gru(self.front(x))
        return self.end(states)


# name in zoo: how to build it, shape of one example, classes
NETS = {
    "cnn5": (cnn5, (1, 28, 28), 2),
    "mobilenet2d": (mobilenet2d, (1, 28, 28), 2),
    "resnet2d": (resnet2d, (1, 28, 28), 2),
    "resnet3d": (resnet3d, (1, 28, 28, 28), 2),
    "mobilenet-ecg": (mobilenet_ecg, (12, 5000), 6),
    "gru-cough": (GRUCough, (250, 64), 2),
}


def build(name):
    """The network, the shape of one example, and the number of classes."""
    make, shape, classes = NETS[name]
    torch.manual_seed(1)
    return make(shape[1] if name == "gru-cough" else shape[0], classes), shape, classes


def parameters(net):
    return sum(p.numel() for p in net.parameters())
