"""Answers bench/metrics.mjs: two masks on stdin, then a task a line; milliseconds and the result on stdout."""

import sys
import time
import warnings

import numpy
import torch
from monai.metrics import compute_hausdorff_distance, compute_surface_dice
from scipy import ndimage

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
shape = tuple(int(size) for size in sys.argv[1:])
voxels = int(numpy.prod(shape))
pred, target = (numpy.frombuffer(sys.stdin.buffer.read(voxels), numpy.uint8).reshape(shape) == 1 for _ in range(2))
one_hot = [torch.tensor(mask)[None, None] for mask in (pred, target)]


def scipy_distance_transform():
    return ndimage.distance_transform_edt(~target)


def scipy_hausdorff():
    both = numpy.nonzero(pred | target)
    box = tuple(slice(max(axis.min() - 1, 0), axis.max() + 2) for axis in both)
    a, b = (mask[box] & ~ndimage.binary_erosion(mask[box]) for mask in (pred, target))
    return max(ndimage.distance_transform_edt(~y)[x].max() for x, y in ((a, b), (b, a)))


def scipy_label():
    structure = numpy.ones((3,) * len(shape))
    return [ndimage.label(mask, structure)[1] for mask in (target, pred)][0]


def monai_hausdorff():
    return compute_hausdorff_distance(*one_hot, include_background=True).item()


def monai_surface_dice():
    return compute_surface_dice(*one_hot, [1.5], include_background=True, use_subvoxels=True, spacing=[1.0] * 3).item()


TASKS = (scipy_distance_transform, scipy_hausdorff, scipy_label, monai_hausdorff, monai_surface_dice)
tasks = {task.__name__: task for task in TASKS}
for line in iter(sys.stdin.buffer.readline, b""):
    start = time.perf_counter()
    result = tasks[line.decode().strip()]()
    elapsed = (time.perf_counter() - start) * 1000
    print(elapsed, float(numpy.sum(result)), flush=True)
