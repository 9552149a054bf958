from __future__ import annotations

import dataclasses
import json
import math
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bpfre.errors import TrainingError, UsageError, WeightsError
from bpfre.network import BPFRe, preset
from bpfre.training import DataConfig, FaceSource, RunConfig, RunFolder, TrainConfig, open_accelerator, train
from bpfre.training import loop as loop_module
from bpfre.training.learner import Learner
from bpfre.training.schedule import rate_factor
from bpfre.weights import load_network, read_record

TERMS = ("blem_coarse", "blem_refine", "cons_coarse", "cons_refine")


class PowerCutError(Exception):
    pass


def stop_at(last: int):
    def on_step(step: int, _row: Mapping[str, float]) -> None:
        if step == last:
            raise PowerCutError

    return on_step


def run(faces: list[FaceSource], config: TrainConfig, out: Path, **options: object) -> RunFolder:
    """Train on all faces but the last one, which is kept for validation."""
    folder = RunFolder(out)
    options = {"workers": 0, "record": {"faces": "3"}} | options
    whole = RunConfig(data=DataConfig(), train=config)
    train(faces[:-1], faces[-1:], whole, folder, open_accelerator("cpu", "no"), **options)  # type: ignore[arg-type]
    return folder


def rows(path: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def plain(path: Path) -> list[dict[str, float]]:
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows(path)]


def assert_same_tensors(a: Path, b: Path) -> None:
    first, second = load_file(a), load_file(b)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def assert_same_run(a: RunFolder, b: RunFolder) -> None:
    for one, two in ((a.last, b.last), (a.state, b.state), (a.best, b.best)):
        assert_same_tensors(one, two)
    assert plain(a.metrics) == plain(b.metrics)
    assert plain(a.validation) == plain(b.validation)


@pytest.fixture(scope="module")
def unbroken(faces: list[FaceSource], tmp_path_factory: pytest.TempPathFactory, adversarial: TrainConfig) -> RunFolder:
    """A run of six steps without a break."""
    return run(faces, adversarial, tmp_path_factory.mktemp("unbroken") / "run")


@pytest.fixture(scope="module")
def adversarial(short: TrainConfig) -> TrainConfig:
    """The same as `short`, adversarial from the third step on, with validation."""
    return dataclasses.replace(short, density=400.0, adv_synt=0.1, adv_start=1 / 3, validate_every=2)


def test_a_run_leaves_its_files(unbroken: RunFolder, adversarial: TrainConfig) -> None:
    names = {p.relative_to(unbroken.root).as_posix() for p in unbroken.root.rglob("*") if p.is_file()}
    events = {name for name in names if name.startswith("tensorboard/events")}
    kept = (unbroken.config, unbroken.environment, unbroken.split, unbroken.metrics, unbroken.validation)
    expected = {path.name for path in (*kept, unbroken.state, unbroken.last, unbroken.best)}
    assert names - events == expected | {"samples/000004.png", "samples/000006.png"}
    assert unbroken.stored_config() == RunConfig(data=DataConfig(), train=adversarial)
    assert load_network(unbroken.last).config == preset("tiny", zoom=adversarial.working_sizes)
    assert read_record(unbroken.last) == {"faces": "3", "steps": "6"}
    split = json.loads(unbroken.split.read_text())
    assert len(split["training"]) == 3 and len(split["validation"]) == 1
    environment = json.loads(unbroken.environment.read_text())
    assert environment["processes"] == 1 and environment["packages"]["torch"] == torch.__version__.partition("+")[0]


def test_metrics_have_a_row_a_step(unbroken: RunFolder, adversarial: TrainConfig) -> None:
    table = rows(unbroken.metrics)
    assert [row["step"] for row in table] == list(range(6))
    for row in table:
        assert all(math.isfinite(value) for value in row.values())
        terms = {name: row[name] for name in (*TERMS, "adv_synt") if name in row}
        weighted = sum(getattr(adversarial, name) * value for name, value in terms.items())
        assert row["loss"] == pytest.approx(weighted, rel=1e-4)
        assert row["gradient"] > 0
        assert row["lr"] == pytest.approx(adversarial.lr * rate_factor(int(row["step"]), adversarial))
        assert {"reproduced_coarse", "reproduced_refined", "elsewhere_coarse", "elsewhere_refined"} < row.keys()
    assert [("adv_disc" in row, "adv_synt" in row) for row in table] == [(False, False)] * 2 + [(True, True)] * 4


def test_validation_has_the_unedited_input_as_a_row(unbroken: RunFolder) -> None:
    table = rows(unbroken.validation)
    assert [row["step"] for row in table] == [2, 4, 6]
    for row in table:
        assert {"unedited", "coarse", "refined"} < row.keys()
    first = [row["unedited"] for row in table]
    assert first == [first[0]] * 3  # what doing nothing gives does not depend on the network
    assert first[0]["reproduced"] == 0 and first[0]["elsewhere"] < 1.5 and first[0]["edited"] > 3  # type: ignore[index]


def test_the_best_weights_are_those_with_the_lowest_score(unbroken: RunFolder) -> None:
    table = rows(unbroken.validation)
    best = min(table, key=lambda row: row["refined"]["score"])  # type: ignore[index]
    assert read_record(unbroken.best)["steps"] == str(best["step"])


def test_tensorboard_shows_the_same_figures(unbroken: RunFolder) -> None:
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="TensorBoard is an extra"
    )
    events = accumulator.EventAccumulator(str(unbroken.tensorboard))
    events.Reload()
    told = [event.value for event in events.Scalars("train/loss")]
    assert told == pytest.approx([row["loss"] for row in rows(unbroken.metrics)], rel=1e-6)
    assert len(events.Scalars("validation/refined/psnr")) == 3 and events.Images("samples")


def test_on_step_hears_what_the_metrics_say(faces: list[FaceSource], short: TrainConfig, tmp_path: Path) -> None:
    heard: list[tuple[int, dict[str, float]]] = []
    config = dataclasses.replace(short, steps=2)
    folder = run(faces, config, tmp_path, on_step=lambda step, row: heard.append((step, dict(row))))
    assert [step for step, _ in heard] == [0, 1]
    for (_, told), row in zip(heard, rows(folder.metrics), strict=True):
        assert told.items() <= row.items()


@pytest.mark.parametrize("last", [0, 2, 4])
def test_a_run_that_is_cut_off_goes_on_as_if_it_had_not_been(
    faces: list[FaceSource], adversarial: TrainConfig, unbroken: RunFolder, tmp_path: Path, last: int
) -> None:
    with pytest.raises(PowerCutError):
        run(faces, adversarial, tmp_path, on_step=stop_at(last))
    folder = RunFolder(tmp_path)
    with folder.metrics.open("a") as metrics:
        metrics.write('{"step": 5, "lo')  # a row that was being written
    seen: list[int] = []
    notes: list[str] = []
    run(faces, adversarial, tmp_path, on_step=lambda step, _row: seen.append(step), on_note=notes.append)
    start = 3 if last >= 3 else 0
    assert seen == list(range(start, 6))
    again = last + 1 - start
    assert notes[0] == f"Going on after {start} of 6 steps. Steps since its last checkpoint, done again: {again}."
    assert len(notes) == 1
    assert_same_run(folder, unbroken)


def test_how_unpaired_faces_are_matched_to_pairs_is_told(
    faces: list[FaceSource], short: TrainConfig, tmp_path: Path
) -> None:
    notes: list[str] = []
    run(faces, dataclasses.replace(short, steps=1, matched=True), tmp_path, on_note=notes.append)
    assert len(notes) == 1 and notes[0].startswith("To match the edits of the pairs, ")


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_asked_to_end_saves_the_step_it_is_at(
    faces: list[FaceSource],
    adversarial: TrainConfig,
    unbroken: RunFolder,
    tmp_path: Path,
    number: signal.Signals,
    workers: int,
) -> None:
    """Steps between two checkpoints are not lost, nor are they done twice."""

    def ask(step: int, _row: Mapping[str, float]) -> None:
        if step == 3:
            os.kill(os.getpid(), number)
            for child in multiprocessing.active_children():  # a terminal, or a cluster, tells them too
                os.kill(child.pid or 0, number)

    before = signal.getsignal(number)
    notes: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run(faces, adversarial, tmp_path, on_step=ask, on_note=notes.append, workers=workers)
    assert signal.getsignal(number) is before
    assert "4 of 6 steps are done and saved." in notes and any("Ctrl-C again" in note for note in notes)
    folder = RunFolder(tmp_path)
    assert read_record(folder.last)["steps"] == "4" and len(rows(folder.metrics)) == 4
    seen: list[int] = []
    run(faces, adversarial, tmp_path, on_step=lambda step, _row: seen.append(step))
    assert seen == [4, 5]
    assert_same_run(folder, unbroken)


@pytest.mark.parametrize("count", range(1, 7))
def test_a_run_cut_off_between_any_two_files_goes_on(
    faces: list[FaceSource],
    adversarial: TrainConfig,
    unbroken: RunFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    count: int,
) -> None:
    calls = 0

    def cut(original: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*args: object, **kwargs: object) -> object:
            nonlocal calls
            calls += 1
            if calls == count:
                raise PowerCutError
            return original(*args, **kwargs)

        return wrapped

    with monkeypatch.context() as patch:
        patch.setattr(loop_module, "save_network", cut(loop_module.save_network))
        patch.setattr(Learner, "save", cut(Learner.save))
        with pytest.raises(PowerCutError):
            run(faces, adversarial, tmp_path)
    assert_same_run(run(faces, adversarial, tmp_path), unbroken)


def test_a_finished_run_is_left_as_it_is(
    faces: list[FaceSource], adversarial: TrainConfig, unbroken: RunFolder
) -> None:
    files = (unbroken.state, unbroken.last, unbroken.best, unbroken.metrics, unbroken.validation)
    before = [path.read_bytes() for path in files]
    run(faces, adversarial, unbroken.root, on_step=stop_at(0))
    assert [path.read_bytes() for path in files] == before


def test_worker_processes_change_nothing(
    faces: list[FaceSource], adversarial: TrainConfig, unbroken: RunFolder, tmp_path: Path
) -> None:
    assert_same_run(run(faces, adversarial, tmp_path, workers=2), unbroken)


def test_accumulated_batches_are_one_batch(faces: list[FaceSource], short: TrainConfig, tmp_path: Path) -> None:
    windows = dataclasses.replace(short, whole=0.0)  # of whole crops there is one a batch in both
    whole = run(faces, dataclasses.replace(windows, batch_size=4), tmp_path / "whole")
    parts = run(faces, dataclasses.replace(windows, batch_size=2, accumulate=2), tmp_path / "parts")
    for one, two in zip(rows(whole.metrics), rows(parts.metrics), strict=True):
        for name in (*TERMS, "loss", "gradient"):
            assert one[name] == pytest.approx(two[name], rel=2e-3), (one["step"], name)


@pytest.mark.parametrize("change", [{"steps": 7}, {"seed": 1}, {"lr": 5e-4}, {"cons_refine": 1.0}])
def test_other_settings_in_the_folder_of_a_run_are_refused(
    faces: list[FaceSource], adversarial: TrainConfig, unbroken: RunFolder, change: dict[str, object]
) -> None:
    before = unbroken.metrics.read_bytes()
    with pytest.raises(UsageError) as caught:
        run(faces, dataclasses.replace(adversarial, **change), unbroken.root)  # type: ignore[arg-type]
    assert str(unbroken.root) in caught.value.message and "--out" in caught.value.next_step
    assert next(iter(change)) in caught.value.message
    assert unbroken.metrics.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]"])
def test_damaged_settings_in_the_folder_are_refused(
    faces: list[FaceSource], short: TrainConfig, tmp_path: Path, content: bytes
) -> None:
    RunFolder(tmp_path).config.write_bytes(content)
    with pytest.raises(UsageError):
        run(faces, short, tmp_path)


def test_a_damaged_checkpoint_is_refused(
    faces: list[FaceSource], adversarial: TrainConfig, unbroken: RunFolder, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path)
    folder.config.write_bytes(unbroken.config.read_bytes())
    folder.state.write_bytes(unbroken.state.read_bytes()[:-1000])
    with pytest.raises(WeightsError) as caught:
        run(faces, adversarial, tmp_path)
    assert caught.value.next_step


def poisoned(monkeypatch: pytest.MonkeyPatch, steps: set[int], value: float) -> None:
    """Make the loss of some steps run away, with its gradients."""
    original = Learner.gradients

    def gradients(self: Learner, batches: object, step: int, *, adversarial: bool):
        row, batch = original(self, batches, step, adversarial=adversarial)  # type: ignore[arg-type]
        if step in steps:
            row["loss"] = value
            for parameter in self.network.parameters():
                parameter.grad = torch.full_like(parameter, value)
        return row, batch

    monkeypatch.setattr(Learner, "gradients", gradients)


def test_a_loss_that_is_no_number_restores_the_last_good_state(
    faces: list[FaceSource], adversarial: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    with monkeypatch.context() as patch:
        poisoned(patch, {4}, math.nan)
        folder = run(faces, adversarial, tmp_path, on_note=notes.append)
    assert len(notes) == 1 and "Step 4" in notes[0]
    table = rows(folder.metrics)
    assert table[4]["loss"] is None and table[4]["restored"] == 3
    assert all(math.isfinite(row["loss"]) for row in table if row["step"] != 4)
    assert all(bool(value.isfinite().all()) for value in load_file(folder.last).values())


def test_a_run_with_a_restored_state_resumes_exactly_too(
    faces: list[FaceSource], adversarial: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned(monkeypatch, {1, 4}, math.nan)
    whole = run(faces, adversarial, tmp_path / "whole")
    with pytest.raises(PowerCutError):
        run(faces, adversarial, tmp_path / "cut", on_step=stop_at(5))
    assert_same_run(run(faces, adversarial, tmp_path / "cut"), whole)


def test_a_loss_that_keeps_running_away_ends_the_run(
    faces: list[FaceSource], short: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned(monkeypatch, set(range(100)), math.inf)
    config = dataclasses.replace(short, steps=20)
    with pytest.raises(TrainingError):
        run(faces, config, tmp_path)
    torch.manual_seed(config.seed)
    start, state = BPFRe(preset("tiny")).state_dict(), load_file(RunFolder(tmp_path).state)
    assert all(torch.equal(value, state[f"network/{name}"]) for name, value in start.items())


def test_mixed_precision_trains(faces: list[FaceSource], adversarial: TrainConfig, tmp_path: Path) -> None:
    whole = RunConfig(data=DataConfig(), train=dataclasses.replace(adversarial, precision="bf16"))
    folder = RunFolder(tmp_path)
    train(faces[:-1], faces[-1:], whole, folder, open_accelerator("cpu", "bf16"), workers=0)
    assert json.loads(folder.environment.read_text())["precision"] == "bf16"
    assert all(math.isfinite(row["loss"]) for row in rows(folder.metrics))


def test_the_weights_are_the_average(unbroken: RunFolder) -> None:
    state, weights = load_file(unbroken.state), load_file(unbroken.last)
    for name, value in weights.items():
        assert torch.equal(value, state[f"average/{name}"].to(value.dtype))
    assert any(not torch.equal(value, state[f"network/{name}"].to(value.dtype)) for name, value in weights.items())


def test_a_run_that_is_done_goes_on_with_another_round(
    faces: list[FaceSource], adversarial: TrainConfig, tmp_path: Path
) -> None:
    once = dataclasses.replace(adversarial, checkpoint_every=2)
    twice = dataclasses.replace(once, restarts=(4,), restart_lr=0.5)
    whole = run(faces, twice, tmp_path / "whole")
    assert len(rows(whole.metrics)) == twice.all_steps == 10
    first = run(faces, once, tmp_path / "later")
    assert plain(first.metrics) == plain(whole.metrics)[:6]
    assert_same_run(run(faces, twice, tmp_path / "later"), whole)
    with pytest.raises(UsageError, match="restarts"):
        run(faces, once, tmp_path / "later")  # not back again
    with pytest.raises(UsageError, match="lr"):
        run(faces, dataclasses.replace(twice, restarts=(4, 4), lr=5e-4), tmp_path / "later")
