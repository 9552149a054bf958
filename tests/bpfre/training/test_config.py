from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from bpfre.errors import UsageError
from bpfre.training import DataConfig, RunConfig, TrainConfig, recipe
from bpfre.training.recipes import RECIPES


@pytest.mark.parametrize("name", list(RECIPES))
def test_every_recipe_survives_its_file(name: str) -> None:
    data = DataConfig(paired=("/a", "/b"), unpaired=("/c",), hold_out="/d.txt", detector="mtcnn")
    run = RunConfig(data=data, train=recipe(name, lr=1e-4, zoom=(0.5, 2.0)))
    assert RunConfig.from_yaml(run.to_yaml()) == run


def test_a_part_of_a_file_takes_defaults() -> None:
    run = RunConfig.from_yaml("train: {steps: 7}")
    assert run.train == TrainConfig(steps=7) and run.data == DataConfig()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "train: 3",
        "train: {step: 3}",
        "other: {}",
        "train: {steps: many}",
        "train: {steps: 1.5}",
        "train: {steps: true}",
        "train: {lr: .nan}",
        "train: {zoom: [1]}",
        "train: {zoom: [a, b]}",
        "train: {flip: 1}",
        "train: {restarts: 3}",
        "train: {restarts: [1.5]}",
        "train: {restarts: [5, 0]}",
        "train: {restart_lr: 0}",
        "data: {paired: one}",
        "data: {hold_out: 3}",
        "train: {steps: 0}",
        "train: {phi: vgg16}",
        "train: {whole: 1.5}",
        "train: {window: 600, size: 512}",
        "train: {a: b: c}",
        "train: !!python/object/apply:os.getcwd []",
    ],
)
def test_a_file_that_is_none_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        RunConfig.from_yaml(text)
    assert caught.value.message


def test_to_dict_is_plain() -> None:
    def is_plain(value: Any) -> bool:
        return isinstance(value, int | float | str | bool | list)

    values = TrainConfig().to_dict()
    assert all(is_plain(value) for value in values.values())
    assert set(values) == {field.name for field in dataclasses.fields(TrainConfig)}
    assert TrainConfig.from_dict(values) == TrainConfig()


def test_the_papers_recipe_has_its_weights() -> None:
    paper = recipe("paper")
    assert (paper.cons_refine, paper.cons_refine * paper.phi_weight) == (10.0, 1.0)
    assert (paper.blem_coarse, paper.adv_synt, paper.map_loss, paper.window) == (10.0, 1.0, "l1", 512)


def test_whole_crops_stay_whole_at_another_size() -> None:
    assert recipe("paper", size=1024).window == 1024
    assert recipe("paper", size=256).window == 256
    assert recipe("starter", size=1024).window == recipe("starter").window


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(UsageError, match="huge"):
        recipe("huge")
