"""Loads a checkpoint with PyTorch, into a network of nn modules where it is asked for; speaks as ../pytorch_worker.py does."""

import json
import sys
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent.parent))
from serve_work import serve  # noqa: E402

request = json.loads(sys.argv[1])
torch.set_num_threads(request["threads"])


def conv_bn(plan, kernel):
    conv = nn.Conv2d(
        plan["inChannels"],
        plan["outChannels"],
        kernel,
        plan["stride"],
        kernel // 2,
        groups=plan["groups"],
        bias=False,
    )
    return nn.ModuleDict({"conv": conv, "bn": nn.BatchNorm2d(plan["outChannels"])})


def block(plan):
    identity = {"rbr_identity": nn.BatchNorm2d(plan["outChannels"])} if plan["identity"] else {}
    return nn.ModuleDict({**identity, "rbr_dense": conv_bn(plan, 3), "rbr_1x1": conv_bn(plan, 1)})


def make_network():
    network = nn.Module()
    stages = {}
    for plan in request["blocks"]:
        stages.setdefault(plan["stage"], []).append(block(plan))
    network.stage0 = stages.pop(0)[0]
    for stage, blocks in stages.items():
        setattr(network, f"stage{stage}", nn.Sequential(*blocks))
    classifier = request["classifier"]
    network.linear = nn.Linear(classifier["inFeatures"], classifier["outFeatures"])
    return network.eval()


def run():
    state = torch.load(request["file"], weights_only=True)
    if request["network"]:
        make_network().load_state_dict(state)


what = "a new network and load_state_dict" if request["network"] else "torch.load"
serve(f"PyTorch {torch.__version__}, {what}", run, 1)
