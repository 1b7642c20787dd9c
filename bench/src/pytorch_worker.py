"""Measures one RepVGG in PyTorch on the CPU.

The only argument is a JSON object (see worker-process.ts). It writes lines of JSON as worker.ts does: first what the settings are,
then, for each number of repetitions that it reads, how long one took.
"""

import json
import subprocess
import sys
import time

import torch
from serve_work import serve
from torch import nn
from torch.nn import functional as F

FORMATS = {"NCHW": torch.contiguous_format, "channels last": torch.channels_last}
# A trial that takes longer hangs, as PyTorch's threads do now and then: it is ended, before anybody ends this process and leaves it alone.
TRIAL_SECONDS = 60


class Block(nn.Module):
    def __init__(self, plan, deploy):
        super().__init__()
        channels_in, channels_out = plan["inChannels"], plan["outChannels"]
        stride, groups = plan["stride"], plan["groups"]

        def branch(size):
            conv = nn.Conv2d(channels_in, channels_out, size, stride, size // 2, groups=groups, bias=False)
            return nn.Sequential(conv, nn.BatchNorm2d(channels_out))

        if deploy:
            self.branches = nn.ModuleList([nn.Conv2d(channels_in, channels_out, 3, stride, 1, groups=groups)])
        else:
            self.branches = nn.ModuleList([branch(3), branch(1)])
            if plan["identity"]:
                self.branches.append(nn.BatchNorm2d(channels_out))

    def forward(self, x):
        return F.relu(sum(branch(x) for branch in self.branches))


def make_network(request, deploy):
    classifier = nn.Linear(request["classifier"]["inFeatures"], request["classifier"]["outFeatures"])
    blocks = [Block(plan, deploy) for plan in request["blocks"]]
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), classifier)


def make_work(request, memory_format):
    """One unit of work, as a function, with activations and weights in `memory_format`."""
    torch.manual_seed(1)
    training = request["work"] == "train"
    network = make_network(request, deploy=request["form"] == "deploy").to(memory_format=memory_format)
    size, batch = request["imageSize"], request["batchSize"]
    images = torch.randn(batch, request["inputChannels"], size, size).to(memory_format=memory_format)
    if not training:
        network.eval()

        def predict():
            with torch.inference_mode():
                network(images)

        return predict

    labels = torch.randint(request["classifier"]["outFeatures"], (batch,))
    sgd = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9, weight_decay=1e-4)

    def step():
        sgd.zero_grad(set_to_none=True)
        F.cross_entropy(network(images), labels).backward()
        sgd.step()

    return step


def mean_ms(work, times):
    start = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - start) * 1000 / times


def trial(request, name):
    """Prints how long one takes in a memory format: its own process, as PyTorch crashes in some of them."""
    work = make_work(request, FORMATS[name])
    mean_ms(work, 1)
    best = first = mean_ms(work, 1)
    for _ in range(5 if first < 1000 else 1):
        best = min(best, mean_ms(work, 1))
    print(best)


def better_format(request):
    """The faster memory format, which depends on the network, and a note on those that crash or never end."""
    times, crashed = {}, ""
    for name in FORMATS:
        command = [sys.executable, __file__, json.dumps(request), name]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TRIAL_SECONDS)
        except subprocess.TimeoutExpired:
            crashed += f" ({name} hangs)"
            continue
        if done.returncode == 0:
            times[name] = json.loads(done.stdout)
        else:
            crashed += f" ({name} crashes: {(done.stderr.strip() or str(done.returncode)).splitlines()[-1]})"
    if not times:
        sys.exit(f"PyTorch fails in every memory format{crashed}")
    return min(times, key=times.get), crashed


def main():
    request = json.loads(sys.argv[1])
    torch.set_num_threads(request["threads"])
    if len(sys.argv) > 2:
        return trial(request, sys.argv[2])
    name, crashed = better_format(request)
    work = make_work(request, FORMATS[name])
    work()
    threads = torch.get_num_threads()
    description = f"PyTorch {torch.__version__}, {threads} thread{'' if threads == 1 else 's'}, {name}{crashed}"
    serve(description, work, 1)


main()
