"""Prepares photographs with Pillow and torchvision on one thread; speaks as ../pytorch_worker.py does."""

import io
import json
import sys
from pathlib import Path

import PIL
import torch
import torchvision
from PIL import Image
from torchvision import transforms

sys.path.insert(0, str(Path(__file__).parent.parent))
from serve_work import serve  # noqa: E402

torch.set_num_threads(1)
transform = transforms.Compose(
    [
        transforms.Resize(256),
        transforms.CenterCrop(224),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
)
photographs = [open(file, "rb").read() for file in json.loads(sys.argv[1])["files"]]


def run():
    for photograph in photographs:
        transform(Image.open(io.BytesIO(photograph)).convert("RGB"))


description = f"torchvision {torchvision.__version__} and Pillow {PIL.__version__}, from memory, 1 thread"
serve(description, run, len(photographs))
