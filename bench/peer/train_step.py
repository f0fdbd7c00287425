"""Milliseconds of one training step in PyTorch: forward, cross-entropy, backward, AdamW.

The batch lies in memory and is always the same: what is measured is the step, not the data.
"""

import torch

import measure
import nets


def main():
    args = measure.arguments(__doc__, [64])
    for batch in args.batch:
        net, shape, classes = nets.build(args.net)
        net.train()
        optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3)
        loss = torch.nn.CrossEntropyLoss()
        x = torch.randn(batch, *shape)
        y = torch.randint(0, classes, (batch,))

        def step():
            optimiser.zero_grad(set_to_none=True)
            value = loss(net(x), y)
            value.backward()
            optimiser.step()
            return value.item()

        measure.report(args, net, batch, "train", measure.timed(step, args.seconds, args.warm_up))


if __name__ == "__main__":
    main()
