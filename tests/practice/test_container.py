"""What the container file says is what is tested; no engine is needed for that."""

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import nncourse as nn

TEXT = (Path(nn.__file__).parent / "practice" / "Containerfile").read_text()


def instructions(name):
    return re.findall(rf"^{name} (.*)$", TEXT, re.M)


def test_the_entry_point_serves_a_folder(model_file):
    """The very command, with the word that SageMaker adds; folder, address and port are ours."""
    [entry] = map(json.loads, instructions("ENTRYPOINT"))
    assert entry[-3:] == ["/opt/ml/model", "--host", "0.0.0.0"]
    command = [sys.executable, *entry[1:-3], str(model_file.parent), "--host", "127.0.0.1"]
    command += ["serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().split()[-1]
        with urllib.request.urlopen(f"{url}/ping", timeout=600) as answer:
            assert answer.status == 200
        process.terminate()
        assert process.wait(600) in (0, -15)


def test_without_a_word_about_it_the_port_is_sagemakers():
    assert instructions("EXPOSE") == ["8080"]
    said = subprocess.run(
        [sys.executable, "-m", "nncourse.practice.serving", "--help"],
        capture_output=True,
        text=True,
    ).stdout
    assert "--port" in said and "8080" in nn.serving.main.__doc__ + TEXT


def test_what_is_installed_is_enough():
    """The server starts with these packages and without all others that nncourse may use."""
    first, second = instructions("RUN")
    assert "--no-deps /opt/install/nncourse-*.whl" in second
    named = set(first.partition("constraints.txt")[2].split())
    assert named == {"numpy", "onnxruntime", "fastapi", "uvicorn"}
    code = (
        "import sys\n"
        "for name in 'matplotlib tqdm pooch onnx boto3 moto flask scipy sklearn'.split():\n"
        "    sys.modules[name] = None\n"
        "import nncourse.practice.serving as s, numpy as np, uvicorn\n"
        "class M:\n"
        "    shape, dtype = ('batch', 1), np.float32\n"
        "print(len(s.make_app(M()).routes))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert said.stdout.strip() == "2", said.stderr
