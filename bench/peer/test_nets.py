"""The networks have the shapes and sizes of those in zoo/: `python3 test_nets.py`, needs python3-torch.

parameters.json pins the sizes; peer_test.go holds the Go networks to the same file.
"""

import json
import pathlib
import unittest

import torch

import nets

PARAMETERS = json.loads(pathlib.Path(__file__).with_name("parameters.json").read_text())


def idle(net):
    """The second bias of the reset and update gates of PyTorch's GRU, which ours has not."""
    return sum(2 * 2 * m.hidden_size for m in net.modules() if isinstance(m, torch.nn.GRU))


class Nets(unittest.TestCase):
    def test_shapes_and_sizes(self):
        self.assertEqual(sorted(PARAMETERS), sorted(nets.NETS))
        for name in nets.NETS:
            with self.subTest(name):
                net, shape, classes = nets.build(name)
                self.assertEqual(net(torch.zeros(2, *shape)).shape, (2, classes))
                self.assertEqual(nets.parameters(net) - idle(net), PARAMETERS[name])


if __name__ == "__main__":
    unittest.main()
