from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bpfre.errors import UsageError, WeightsError
from bpfre.network import BPFRe, preset
from bpfre.training import TrainConfig, TrainingFace, train
from bpfre.training.loop import CONFIG, METRICS, STATE, WEIGHTS, learning_rate
from bpfre.training.losses import supervised_losses, total_loss
from bpfre.training.windows import WindowDataset
from bpfre.weights import load_network, read_record


class PowerCutError(Exception):
    pass


def stop_at(last: int):
    def on_step(step: int, _row: Mapping[str, float]) -> None:
        if step == last:
            raise PowerCutError

    return on_step


def rows(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / METRICS).read_text(encoding="utf-8").splitlines()]


def assert_same_tensors(a: Path, b: Path) -> None:
    first, second = load_file(a), load_file(b)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


@pytest.fixture(scope="module")
def unbroken(faces: list[TrainingFace], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of six steps without a break; the same settings as `short`."""
    out = tmp_path_factory.mktemp("unbroken") / "run"
    config = TrainConfig(
        preset="tiny",
        steps=6,
        batch_size=2,
        window=32,
        whole=1 / 3,
        warmup=2,
        density=400.0,
        checkpoint_every=3,
        sample_every=4,
    )
    train(faces, config, out, workers=0, record={"faces": "4"})
    return out


def test_learning_rate_warms_up_and_decays() -> None:
    config = TrainConfig(lr=1e-3, steps=1100, warmup=100)
    assert learning_rate(0, config) == pytest.approx(1e-5)
    assert learning_rate(49, config) == pytest.approx(5e-4)
    assert learning_rate(99, config) == learning_rate(100, config) == pytest.approx(1e-3)
    assert learning_rate(600, config) == pytest.approx(1e-3 * (0.02 + 0.98 / 2))
    assert learning_rate(1100, config) == pytest.approx(2e-5)
    rates = [learning_rate(step, config) for step in range(100, 1100)]
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize(("steps", "warmup"), [(1, 100), (100, 100), (1, 0)])
def test_learning_rate_of_short_runs_is_a_number(steps: int, warmup: int) -> None:
    config = TrainConfig(steps=steps, warmup=warmup)
    assert all(0 < learning_rate(step, config) <= config.lr for step in range(steps))


def test_a_run_leaves_its_files(unbroken: Path, short: TrainConfig) -> None:
    names = {p.relative_to(unbroken).as_posix() for p in unbroken.rglob("*") if p.is_file()}
    assert names == {CONFIG, METRICS, STATE, WEIGHTS, "samples/000004.png", "samples/000006.png"}
    assert json.loads((unbroken / CONFIG).read_text()) == short.to_dict()
    assert load_network(unbroken / WEIGHTS).config == preset("tiny")
    assert read_record(unbroken / WEIGHTS) == {"faces": "4", "steps": "6"}


def test_metrics_have_a_row_a_step(unbroken: Path, short: TrainConfig) -> None:
    table = rows(unbroken)
    assert [row["step"] for row in table] == list(range(6))
    for row in table:
        assert all(math.isfinite(value) for value in row.values())
        terms = {name: row[name] for name in ("blem_coarse", "blem_refine", "cons_coarse", "cons_refine")}
        weighted = sum(getattr(short, name) * value for name, value in terms.items())
        assert row["loss"] == pytest.approx(weighted, rel=1e-4)
        assert row["gradient"] > 0
        assert row["lr"] == pytest.approx(learning_rate(int(row["step"]), short))
        assert {"reproduced_coarse", "reproduced_refined", "elsewhere_coarse", "elsewhere_refined"} < row.keys()


def test_on_step_hears_what_the_metrics_say(faces: list[TrainingFace], short: TrainConfig, tmp_path: Path) -> None:
    heard: list[tuple[int, dict[str, float]]] = []
    config = dataclasses.replace(short, steps=2)
    train(faces, config, tmp_path, workers=0, on_step=lambda step, row: heard.append((step, dict(row))))
    assert [step for step, _ in heard] == [0, 1]
    for (_, told), row in zip(heard, rows(tmp_path), strict=True):
        assert told.items() <= row.items()


def test_a_run_that_is_cut_off_goes_on_as_if_it_had_not_been(
    faces: list[TrainingFace], short: TrainConfig, unbroken: Path, tmp_path: Path
) -> None:
    with pytest.raises(PowerCutError):
        train(faces, short, tmp_path, workers=0, on_step=stop_at(4), record={"faces": "4"})
    assert read_record(tmp_path / WEIGHTS)["steps"] == "3"
    with (tmp_path / METRICS).open("a") as metrics:
        metrics.write('{"step": 5, "lo')  # a row that was being written
    seen: list[int] = []
    path = train(faces, short, tmp_path, workers=0, on_step=lambda step, _row: seen.append(step), record={"faces": "4"})
    assert path == tmp_path / WEIGHTS
    assert seen == [3, 4, 5]
    assert_same_tensors(tmp_path / WEIGHTS, unbroken / WEIGHTS)
    assert_same_tensors(tmp_path / STATE, unbroken / STATE)
    plain = [{k: v for k, v in row.items() if k != "seconds"} for row in rows(tmp_path)]
    assert plain == [{k: v for k, v in row.items() if k != "seconds"} for row in rows(unbroken)]


def test_a_run_cut_off_between_its_two_files_writes_both_again(
    faces: list[TrainingFace], short: TrainConfig, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bpfre.training import loop

    names: list[str] = []

    def cut(name: str):
        original = getattr(loop, name)

        def wrapped(*args: object, **kwargs: object) -> object:
            names.append(name)
            if len(names) == 4:  # the second file of the last step
                raise PowerCutError
            return original(*args, **kwargs)

        return wrapped

    with monkeypatch.context() as patch:
        for name in ("save_state", "save_network"):
            patch.setattr(loop, name, cut(name))
        with pytest.raises(PowerCutError):
            train(faces, short, tmp_path, workers=0)
    train(faces, short, tmp_path, workers=0)
    assert_same_tensors(tmp_path / WEIGHTS, unbroken / WEIGHTS)
    assert_same_tensors(tmp_path / STATE, unbroken / STATE)


def test_a_run_cut_off_before_its_first_checkpoint_starts_again(
    faces: list[TrainingFace], short: TrainConfig, unbroken: Path, tmp_path: Path
) -> None:
    with pytest.raises(PowerCutError):
        train(faces, short, tmp_path, workers=0, on_step=stop_at(1))
    train(faces, short, tmp_path, workers=0)
    assert_same_tensors(tmp_path / WEIGHTS, unbroken / WEIGHTS)
    assert [row["step"] for row in rows(tmp_path)] == list(range(6))


def test_a_finished_run_is_left_as_it_is(faces: list[TrainingFace], short: TrainConfig, tmp_path: Path) -> None:
    config = dataclasses.replace(short, steps=2)
    train(faces, config, tmp_path, workers=0)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    train(faces, config, tmp_path, workers=0, on_step=stop_at(0))
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_worker_processes_change_nothing(
    faces: list[TrainingFace], short: TrainConfig, unbroken: Path, tmp_path: Path
) -> None:
    train(faces, short, tmp_path, workers=2)
    assert_same_tensors(tmp_path / WEIGHTS, unbroken / WEIGHTS)


@pytest.mark.parametrize("change", [{"steps": 7}, {"seed": 1}, {"lr": 5e-4}, {"preset": "starter"}])
def test_other_settings_in_the_folder_of_a_run_are_refused(
    faces: list[TrainingFace], short: TrainConfig, unbroken: Path, change: dict[str, object]
) -> None:
    before = (unbroken / METRICS).read_bytes()
    with pytest.raises(UsageError) as caught:
        train(faces, dataclasses.replace(short, **change), unbroken, workers=0)
    assert str(unbroken) in caught.value.message and "--out" in caught.value.next_step
    assert (unbroken / METRICS).read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]"])
def test_damaged_settings_in_the_folder_are_refused(
    faces: list[TrainingFace], short: TrainConfig, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / CONFIG).write_bytes(content)
    with pytest.raises(UsageError):
        train(faces, short, tmp_path, workers=0)


def test_a_damaged_checkpoint_is_refused(
    faces: list[TrainingFace], short: TrainConfig, unbroken: Path, tmp_path: Path
) -> None:
    (tmp_path / CONFIG).write_text(short.to_json())
    (tmp_path / STATE).write_bytes((unbroken / STATE).read_bytes()[:-1000])
    with pytest.raises(WeightsError) as caught:
        train(faces, short, tmp_path, workers=0)
    assert caught.value.next_step


def test_a_step_without_a_finite_gradient_is_left_out(
    faces: list[TrainingFace], short: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "bpfre.training.loop.total_loss", lambda losses, config: total_loss(losses, config) * float("inf")
    )
    train(faces, dataclasses.replace(short, steps=1), tmp_path, workers=0)
    torch.manual_seed(short.seed)
    start, state = BPFRe(preset("tiny")).state_dict(), load_file(tmp_path / STATE)
    for prefix in ("network", "average"):
        assert all(torch.equal(value, state[f"{prefix}/{name}"]) for name, value in start.items())


def test_the_loss_falls_on_one_batch(faces: list[TrainingFace], short: TrainConfig) -> None:
    config = dataclasses.replace(short, batch_size=4, density=1500.0)
    batch = WindowDataset(faces, config)[0]
    torch.manual_seed(0)
    network = BPFRe(preset("tiny"))
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    history = []
    for _ in range(40):
        output = network(batch.raw, batch.position)
        loss = total_loss(supervised_losses(output, batch.raw, batch.target, config), config)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    assert sum(history[-5:]) < 0.85 * sum(history[:5])


def test_the_weights_are_the_average(faces: list[TrainingFace], unbroken: Path) -> None:
    state, weights = load_file(unbroken / STATE), load_file(unbroken / WEIGHTS)
    for name, value in weights.items():
        assert torch.equal(value, state[f"average/{name}"].to(value.dtype))
    assert any(not torch.equal(value, state[f"network/{name}"].to(value.dtype)) for name, value in weights.items())
