"""Steps compiled by AOTInductor: they run where this package was never imported, in Python and in C++."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from provokers.user import forgetting
from torch.utils.cpp_extension import include_paths, library_paths

from rcn_bench import cli
from rcn_bench.engine.build import load_weights
from rcn_bench.records.exported import KEY

PAGE = (Path(__file__).parents[2] / "docs" / "live.md").read_text()
FRAMES = 5

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("g++"), reason="AOTInductor compiles by g++"),
    pytest.mark.usefixtures("fixed_seed_and_one_thread"),
]


@pytest.fixture(scope="module")
def compiled(weights, tmp_path_factory):
    """The run's step, in a folder of its own."""
    path = tmp_path_factory.mktemp("compiled") / "step.pt2"
    with pytest.MonkeyPatch.context() as monkeypatch, forgetting(monkeypatch):
        assert cli.main(["export", str(weights), "--format", "aoti", "--output", str(path)]) == 0
    assert [each.name for each in path.parent.iterdir()] == ["step.pt2"]
    return path


@pytest.fixture
def frames():
    return torch.randn(FRAMES, 1, 3, 16, 16)


@pytest.fixture
def expected(weights, frames):
    model = load_weights(weights).model.eval()
    with torch.no_grad():
        return model.frame_logits(frames.permute(1, 2, 0, 3, 4))[0]


def test_what_the_page_shows_runs_without_this_package(compiled, frames, expected):
    """In another process, with NaN in place of the state before the first frame."""
    _, shown = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    folder = compiled.parent
    torch.save(frames, folder / "frames.pt")
    script = (
        "import sys, torch\n"
        "sys.modules['rcn_bench'] = None\n"
        "torch.set_num_threads(1)\n"
        "frames, found = torch.load('frames.pt'), []\n"
        f"{shown.replace('torch.zeros(1, *shape)', 'torch.full((1, *shape), torch.nan)')}"
        "    found.append(logits[0])\n"
        "torch.save(torch.stack(found), 'found.pt')\n"
    )
    assert "torch.nan" in script
    subprocess.run([sys.executable, "-c", script], check=True, cwd=folder)
    torch.testing.assert_close(torch.load(folder / "found.pt"), expected, rtol=1e-4, atol=1e-5)


def test_it_says_how_it_is_fed_and_hands_on_states_as_it_takes_them(compiled, frames):
    step = torch._inductor.aoti_load_package(compiled)
    card = json.loads(step.get_metadata()[KEY])
    assert (card["crop"], card["clip"], card["states"]) == (16, 0, {"3": [8, 4, 4]})
    state = torch.zeros(1, 8, 4, 4)
    _, after = step(frames[0], torch.zeros(1, dtype=torch.bool), [state])
    assert after.shape == state.shape
    assert after.is_contiguous(), "it reads its inputs in that order, whatever they say of themselves"


PROGRAM = """
#include <ATen/ATen.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#include <iostream>

int main() {
  torch::inductor::AOTIModelPackageLoader step("step.pt2");
  std::cout << step.get_metadata()["rcn_bench"].size() << "\\n";
  at::Tensor state = at::full({1, 8, 4, 4}, NAN);
  for (int frame = 0; frame < 3; ++frame) {
    auto outputs = step.run({at::full({1, 3, 16, 16}, 0.1 * frame), at::full({1}, frame > 0, at::kBool), state});
    std::cout << outputs[0][0][0].item<float>() << "\\n";
    state = outputs[1];
  }
}
"""


def test_it_runs_in_a_program_of_c_plus_plus(compiled, weights):
    folder = compiled.parent
    (folder / "step.cpp").write_text(PROGRAM)
    (libraries,) = library_paths()
    headers = [f"-I{path}" for path in include_paths()]
    links = [f"-L{libraries}", f"-Wl,-rpath,{libraries}", "-Wl,--no-as-needed", "-ltorch", "-ltorch_cpu", "-lc10"]
    program = ["g++", "-std=c++20", "-O0", "step.cpp", *headers, *links, "-o", "step"]
    subprocess.run(program, check=True, cwd=folder)
    done = subprocess.run(["./step"], check=True, cwd=folder, capture_output=True, text=True)
    card, *found = map(float, done.stdout.split())
    assert card > 0
    grey = torch.stack([torch.full((3, 16, 16), 0.1 * number) for number in range(3)], dim=1)
    with torch.no_grad():
        expected = load_weights(weights).model.eval().frame_logits(grey[None])[0, :, 0]
    torch.testing.assert_close(torch.tensor(found), expected, rtol=1e-4, atol=1e-5)
