"""torch and MONAI, eager or compiled, one thread: the same protocol as child.mjs."""

import json
import sys
import time

import numpy
import torch
import torch.nn.functional as F

kind, compiled, formula, folder, samples, channels, pixels, milliseconds = sys.argv[1:]
shape = tuple(map(int, (samples, channels, pixels)))
SMOOTH, SHORTEST, FEWEST, LONG = 1e-5, 0.2e-3, 3, 2e-3
torch.set_num_threads(1)
torch.set_num_interop_threads(1)


def memory(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name))


z = torch.from_numpy(numpy.fromfile(f"{folder}/pred", numpy.float32).reshape(shape)).requires_grad_()
labels = torch.from_numpy(numpy.fromfile(f"{folder}/target", numpy.uint8)).long().reshape(shape[0], shape[2])
held = torch.ones(shape)  # stands for the gradient, which every engine has to hold
if kind == "monai":
    from monai.losses import DiceCELoss, DiceLoss, FocalLoss
before = memory("VmRSS")
del held
# What does not depend on the prediction is made outside the time.
g = labels.unsqueeze(1).float() if shape[1] == 1 else F.one_hot(labels, shape[1]).movedim(-1, 1).float()


def dice(p):
    numerator = 2 * (p * g).sum(2) + SMOOTH
    return 1 - (numerator / (p.sum(2) + g.sum(2) + SMOOTH)).mean()


def focal(x):
    signed = x * (1 - 2 * g)
    return (torch.sigmoid(signed) ** 2 * F.softplus(signed)).mean()


LOSSES = {
    "binaryCrossEntropy": lambda x: F.binary_cross_entropy_with_logits(x, g),
    "sigmoidDice": lambda x: dice(torch.sigmoid(x)),
    "sigmoidFocal": focal,
    "crossEntropy": lambda x: F.cross_entropy(x, labels),
    "softmaxDice": lambda x: dice(torch.softmax(x, 1)),
    "diceCrossEntropy": lambda x: dice(torch.softmax(x, 1)) + F.cross_entropy(x, labels),
}
if kind == "monai":
    modules = {
        "sigmoidDice": lambda: DiceLoss(sigmoid=True),
        "sigmoidFocal": lambda: FocalLoss(gamma=2),
        "softmaxDice": lambda: DiceLoss(softmax=True),
        "diceCrossEntropy": lambda: DiceCELoss(softmax=True),
    }
    LOSSES = {
        name: lambda x, module=make(): module(x, g) for name, make in modules.items()
    }
if formula not in LOSSES:
    json.dump({"missing": True}, open(f"{folder}/result", "w"))
    sys.exit()
loss = torch.compile(LOSSES[formula], dynamic=False) if compiled == "compiled" else LOSSES[formula]


def call():
    z.grad = None
    value = loss(z)
    value.backward()
    return value.item()


def timed(repeat):
    cpu, start = time.process_time(), time.perf_counter()
    for _ in range(repeat):
        call()
    elapsed, cpu = time.perf_counter() - start, time.process_time() - cpu
    return (min(elapsed, cpu) if cpu > LONG else elapsed) / repeat


with open("/proc/self/clear_refs", "w") as clear:
    clear.write("5")  # what preparing took for a moment is not the loss's
value = call()
peak = memory("VmHWM")
z.grad.numpy().tofile(f"{folder}/grad")
repeat = 1
while timed(repeat) * repeat < SHORTEST:
    repeat *= 2
times, spent, limit = [], 0.0, float(milliseconds) / 1e3
while spent < limit or (len(times) < FEWEST and spent < 5 * limit):
    times.append(timed(repeat))
    spent += times[-1] * repeat
with open(f"{folder}/result", "w") as result:
    json.dump({"value": value, "times": [t * 1e3 for t in times], "processBytes": peak - before}, result)
