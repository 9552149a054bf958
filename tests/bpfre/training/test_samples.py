from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from bpfre.network import BPFRe, preset
from bpfre.training.data import Batch
from bpfre.training.samples import sample_sheet, write_sheet


def test_a_sheet_has_a_row_a_window_and_six_columns(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = BPFRe(preset("tiny")).eval()
    raw, target, position = torch.rand(3, 3, 16, 16), torch.rand(3, 3, 16, 16), torch.zeros(3, 2, 16, 16)
    path = tmp_path / "samples" / "000001.png"
    write_sheet(path, sample_sheet(network, Batch(raw, target, position, torch.zeros(3, dtype=torch.int64)), rows=2))
    sheet = cv2.imread(str(path))[..., ::-1].astype(float) / 255
    assert sheet.shape == (2 * 16, 6 * 16, 3)
    with torch.no_grad():
        out = network(raw, position)
    columns = [raw, out.map_e2d, out.coarse, out.map_d2g, out.refined, target]
    for row in range(2):
        for column, expected in enumerate(columns):
            cell = sheet[row * 16 : (row + 1) * 16, column * 16 : (column + 1) * 16]
            image = expected[row].clamp(0, 1).expand(3, -1, -1).permute(1, 2, 0).numpy()
            np.testing.assert_allclose(cell, image, atol=0.51 / 255 + 1e-4)
