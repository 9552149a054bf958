from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch

from bpfre.errors import DetectorError
from bpfre.faces import FaceDetector
from bpfre.faces.cache import read_verified
from bpfre.faces.retinaface import RetinaFaceFinder


@pytest.fixture(scope="module")
def finder(weights_file: Path) -> RetinaFaceFinder:
    return RetinaFaceFinder(read_verified(weights_file))


def test_one_forward_over_several_squares_gives_what_each_gives_alone(
    finder: RetinaFaceFinder, portrait: np.ndarray
) -> None:
    squares = np.stack([portrait, portrait[:, ::-1], np.zeros_like(portrait)])
    together = finder.find(squares, smallest=20, least=0.5)
    assert [len(faces) for faces in together] == [1, 1, 0]
    for square, faces in zip(squares, together, strict=True):
        alone = finder.find(square[None], smallest=20, least=0.5)[0]
        for first, second in zip(alone, faces, strict=True):
            assert np.allclose(first.landmarks, second.landmarks, atol=0.05)


def test_the_network_gets_bgr(finder: RetinaFaceFinder, portrait: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Tensor] = []

    def detect(frames: torch.Tensor, **_: float) -> tuple[list[np.ndarray], list[np.ndarray]]:
        seen.append(frames)
        return [np.array([])], [np.array([])]

    monkeypatch.setattr(finder._network, "batched_detect_faces", detect)
    assert finder.find(portrait[None], smallest=20, least=0.5) == [[]]
    assert np.array_equal(seen[0][0].numpy(), portrait[..., ::-1].astype(np.float32))


def test_works_where_the_caller_has_set_other_modes(retinaface: FaceDetector, portrait: np.ndarray) -> None:
    plain = retinaface.detect([portrait])[0][0]
    with torch.inference_mode():
        assert np.allclose(retinaface.detect([portrait])[0][0].box, plain.box, atol=0.01)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert np.allclose(retinaface.detect([portrait])[0][0].box, plain.box, atol=0.01)
    with torch.enable_grad():
        assert np.allclose(retinaface.detect([portrait])[0][0].box, plain.box, atol=0.01)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_gpu_finds_the_same(weights_file: Path, finder: RetinaFaceFinder, portrait: np.ndarray) -> None:
    on_gpu = RetinaFaceFinder(read_verified(weights_file), device="cuda").find(portrait[None], smallest=20, least=0.5)
    on_cpu = finder.find(portrait[None], smallest=20, least=0.5)
    assert np.allclose(on_gpu[0][0].landmarks, on_cpu[0][0].landmarks, atol=0.5)


def test_code_in_a_weights_file_is_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    file = io.BytesIO()
    torch.save({"weight": Evil()}, file)
    with pytest.raises(DetectorError, match="do not fit"):
        RetinaFaceFinder(file.getvalue())
    assert not (tmp_path / "ran").exists()


def test_weights_of_another_network_are_refused() -> None:
    file = io.BytesIO()
    torch.save({"module.other": torch.zeros(3)}, file)
    with pytest.raises(DetectorError, match="do not fit"):
        RetinaFaceFinder(file.getvalue())
