"""Two processes that train one model, in many ways; each way leaves the step of each rank in a file. Run by test_ranks."""

import sys
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import torch
from torch import distributed, nn
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks
from torch.nn.parallel import DistributedDataParallel

import bpcompare


class Twice(torch.autograd.Function):
    """Wrong where `factor` is not 2."""

    factor = 2.0

    @staticmethod
    def forward(ctx, x):
        return 2.0 * x

    @classmethod
    def backward(cls, ctx, g):
        return cls.factor * g


class Parted(torch.autograd.Function):
    """Where a layer begins of which each rank has a part: forward hands on, backward adds up over ranks."""

    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, g):
        g = g.clone()
        distributed.all_reduce(g)
        return g


class Summed(torch.autograd.Function):
    """Where it ends: forward adds up over ranks, backward hands on."""

    @staticmethod
    def forward(ctx, x):
        x = x.clone()
        distributed.all_reduce(x)
        return x

    @staticmethod
    def backward(ctx, g):
        return g


class Net(nn.Module):
    """Two ways out, of which a rank may use one; and a custom function."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.one, self.other = nn.Linear(4, 6), nn.Linear(6, 3), nn.Linear(6, 3)

    def forward(self, x, *, both=True):
        h = Twice.apply(torch.tanh(self.body(x)))
        return self.one(h) + self.other(h) if both else self.one(h)


def summed(_state, bucket):
    """A communication hook that forgets to divide."""
    future = distributed.all_reduce(bucket.buffer(), async_op=True).get_future()
    return future.then(lambda found: found.value()[0])


def data(rank, number):
    """A batch of a rank."""
    generator = torch.Generator().manual_seed(10 * rank + number)
    return torch.randn(5, 4, generator=generator), torch.randint(0, 3, (5,), generator=generator)


def loss_of(model, rank, number=0, **options):
    """The loss of a batch."""
    x, y = data(rank, number)
    return nn.functional.cross_entropy(model(x, **options), y)


def one_step(rank, way):
    """One step of training; its step, watched."""
    unused = way == "unused"
    model = DistributedDataParallel(Net(), find_unused_parameters=unused, gradient_as_bucket_view=way == "views")
    if way in ("summed", "compressed"):
        model.register_comm_hook(None, summed if way == "summed" else default_hooks.fp16_compress_hook)
    if way == "apart" and rank:
        with torch.no_grad():
            model.module.one.bias[1] += 0.25
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2 if way == "rates" and rank else 0.1, momentum=0.9)
    if way == "views":  # a step before, so that gradients are there and are cleared in place
        loss_of(model, rank, 7).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
    with bpcompare.watch(model.module if way == "compressed" else model, optimizer) as step:
        if way == "accumulated":
            with model.no_sync():
                loss_of(model, rank, 1).backward()
        with model.no_sync() if way in ("alone", "waiting") else nullcontext():
            loss_of(model, rank, both=not (unused and rank)).backward()
        if way == "accumulated":
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        if way != "waiting":
            optimizer.step()
    return step


def by_hand(rank, coalesced):
    """Averaged without DistributedDataParallel, one by one or `coalesced`."""
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with bpcompare.watch(model, optimizer) as step:
        loss_of(model, rank).backward()
        with distributed._coalescing_manager() if coalesced else nullcontext():
            for p in model.parameters():
                distributed.all_reduce(p.grad)
        for p in model.parameters():
            p.grad /= 2
        optimizer.step()
    return step


def tensor_parallel(rank):
    """A layer of columns and one of rows, with functions of one's own between them; and one that is wrong if Twice is."""

    class Parts(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.first, self.last = nn.Linear(4, 6), nn.Linear(6, 3)
            torch.manual_seed(1 + rank)
            self.columns, self.rows = nn.Linear(6, 5), nn.Linear(5, 6, bias=False)

        def forward(self, x):
            h = torch.tanh(self.columns(Parted.apply(self.first(x))))
            return self.last(Summed.apply(self.rows(Twice.apply(h))))

    model = Parts()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    with bpcompare.watch(model, optimizer) as step:
        loss_of(model, 0).backward()
        optimizer.step()
    return step


def in_parts(rank):
    """Every parameter is held in parts (FSDP)."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    mesh = init_device_mesh("cpu", (2,))
    for layer in (model[0], model[2], model):
        fully_shard(layer, mesh=mesh)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    with bpcompare.watch(model, optimizer) as step:
        loss_of(model, rank).backward()
        optimizer.step()
    return step


def across(rank):
    """Every matrix is shared out among the ranks (tensor parallel)."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    parallelize_module(model, init_device_mesh("cpu", (2,)), {"0": ColwiseParallel(), "2": RowwiseParallel()})
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    with bpcompare.watch(model, optimizer) as step:
        loss_of(model, 0).backward()
        optimizer.step()
    return step


def gathered(rank):
    """Values of all ranks stand in the loss of each."""
    from torch.distributed import _functional_collectives as collectives

    torch.manual_seed(0)
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with bpcompare.watch(model, optimizer) as step:
        every = collectives.all_gather_tensor_autograd(model(data(rank, 0)[0]), 0, distributed.group.WORLD)
        (every**2).mean().backward()
        optimizer.step()
    return step


WAYS = ("right", "views", "accumulated", "alone", "waiting", "summed", "compressed", "apart", "rates", "unused", "faulty")


def main(rank, folder):
    """All ways, one after the other."""
    torch.set_num_threads(1)
    store = distributed.FileStore(str(folder / "store"), 2)
    distributed.init_process_group("gloo", store=store, rank=rank, world_size=2, timeout=timedelta(seconds=60))
    for way in WAYS:
        Twice.factor = 1.0 if way == "faulty" and rank else 2.0
        one_step(rank, way).save(folder / f"{way}{rank}.step")
    Twice.factor = 1.0
    tensor_parallel(rank).save(folder / f"twice in parts{rank}.step")
    Twice.factor = 2.0
    tensor_parallel(rank).save(folder / f"columns and rows{rank}.step")
    by_hand(rank, coalesced=False).save(folder / f"by hand{rank}.step")
    by_hand(rank, coalesced=True).save(folder / f"coalesced{rank}.step")
    in_parts(rank).save(folder / f"in parts{rank}.step")
    across(rank).save(folder / f"across{rank}.step")
    gathered(rank).save(folder / f"gathered{rank}.step")
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
