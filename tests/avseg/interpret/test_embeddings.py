"""avseg/interpret/embeddings.py and embedding_store.py: what is pooled, and what is kept."""

from pathlib import Path

import numpy as np
import pytest
import torch

from avseg.data.avsbench.clip import DatasetClip, read_dataset_clip
from avseg.data.avsbench.facts import read_facts
from avseg.data.avsbench.index import find_tasks
from avseg.evaluation.frame_mistakes import Mistakes
from avseg.interpret import embedding_store
from avseg.interpret.embedding_store import EmbeddingStore, write_embeddings
from avseg.interpret.embeddings import ClipEmbedding, embed, pooled
from avseg.interpret.inspection import record_frame
from avseg.predict import Predictor
from tests.support.avsbench_folders import write_drawn_folder
from tests.support.small_model import small_predictor
from tests.support.small_tpavi import small_tpavi


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return find_tasks(write_drawn_folder(tmp_path_factory.mktemp("drawn") / "SynthAVS"))["ms3"]


@pytest.fixture(scope="module")
def entries(folder):
    return read_facts(folder, "ms3").entries


@pytest.fixture(scope="module")
def content(folder, entries) -> DatasetClip:
    return read_dataset_clip(folder, entries[0])


def test_a_feature_is_averaged_under_the_mask_alone():
    feature = torch.zeros(2, 3, 4, 4)
    feature[0, 1, :2, :2], feature[0, 2] = 5.0, torch.arange(16.0).view(4, 4)
    mask = np.zeros((8, 8), bool)
    mask[:4, :4] = True  # the upper left quarter: cells 0, 1, 4 and 5
    values = pooled(feature, [mask, np.zeros((8, 8), bool)])
    assert values[0].tolist() == [0, 5, 2.5] and np.isnan(values[1]).all()
    half = np.zeros((8, 8), bool)
    half[0, 0] = half[:2, 2:4] = True  # a quarter of cell 0 and all of cell 1
    assert pooled(feature[:1], [half])[0, 2] == pytest.approx((0.25 * 0 + 1 * 1) / 1.25)


def test_embeddings_are_the_recorded_features_of_every_frame(content):
    predictor = small_predictor()
    found = embed(predictor, content)
    prediction = predictor.predict(content.clip)
    for frame in range(len(content.clip.frames)):
        recording = record_frame(predictor, content.clip, frame, ["audio", "mask_feature"])
        np.testing.assert_allclose(found.audio[frame], recording["audio"][0][0], atol=2e-2)
        mask = prediction.labels[frame] > 0
        expected = pooled(recording["mask_feature"][0], [mask])[0]
        np.testing.assert_allclose(found.mask[frame], expected, atol=2e-2)
        assert np.isnan(found.truth[frame]).all() == (not content.truth[frame].any())
    assert found.audio.dtype == found.mask.dtype == np.float16
    assert not any(m._forward_hooks for m in predictor.model.modules())


def test_tpavi_has_embeddings_too(content):
    found = embed(Predictor(small_tpavi(), "cpu"), content)
    assert found.audio.shape == (5, 128) and found.truth.shape == (5, 32)


def made(row: int, frames: int = 2) -> ClipEmbedding:
    values = np.full((frames, 3), row, np.float16)
    empty = np.vstack([values[:1], np.full((frames - 1, 3), np.nan)]).astype(np.float16)
    return ClipEmbedding(values, empty, np.full_like(values, np.nan), row / 10, Mistakes(false_alarm=row))


def test_a_stopped_computation_goes_on_where_it_ended(folder, entries, tmp_path, monkeypatch):
    monkeypatch.setenv("AVSEG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(embedding_store, "SAVED_EVERY", 2)
    model = tmp_path / "model.safetensors"
    model.write_bytes(b"weights")
    asked: list[str] = []

    def run(content: DatasetClip) -> ClipEmbedding:
        asked.append(content.clip.name)
        return made(len(asked))

    def stop_at_four(done: int, total: int) -> None:
        assert total == len(entries)
        if done == 3:
            raise KeyboardInterrupt

    store = EmbeddingStore.load(folder, "ms3", len(entries), model)
    with pytest.raises(KeyboardInterrupt):
        store.fill(folder, entries, run, stop_at_four)
    again = EmbeddingStore.load(folder, "ms3", len(entries), model)
    assert again.done.tolist() == [True] * 3 + [False] * 4 and not again.complete
    again.fill(folder, entries, run, lambda done, total: None)
    assert asked == [entry.name for entry in entries] and again.complete
    assert again.means("audio")[:, 0].tolist() == again.means("mask")[:, 0].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert np.isnan(again.means("truth")).all() and again.iou[3] == pytest.approx(0.4)
    assert again.mistakes[:, 0].tolist() == [1, 2, 3, 4, 5, 6, 7]
    values, rows, numbers = again.frames("mask")
    assert rows.tolist() == [row for row in range(7) for _ in range(2)] and numbers.tolist() == [0, 1] * 7
    assert np.isnan(values[1::2]).all() and values[::2, 0].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert again.frame_count == 14 and len(again.frames("audio", every=3)[0]) == 5

    out = tmp_path / "out" / "embeddings.npz"
    write_embeddings(out, again, entries, {})
    with np.load(out) as saved:
        assert saved["clip"].tolist() == asked and saved["frame_number"].tolist() == [1, 2] * 7
        assert saved["audio"].dtype == np.float16 and saved["frame_mask"].shape == (14, 3)

    model.write_bytes(b"other weights")
    assert not EmbeddingStore.load(folder, "ms3", len(entries), model).done.any()
    assert len(list((tmp_path / "cache").glob("*-embeddings/*"))) == 0  # of the weights that are gone


def test_damaged_parts_and_unreadable_clips_do_no_harm(folder, entries, tmp_path, monkeypatch):
    monkeypatch.setenv("AVSEG_CACHE", str(tmp_path / "cache"))
    model = tmp_path / "model.safetensors"
    model.write_bytes(b"weights")
    store = EmbeddingStore.load(folder, "ms3", len(entries), model)
    store.fill(tmp_path / "nowhere", entries, lambda content: made(1), lambda done, total: None)
    assert store.complete and store.frame_count == 0 and (store.mistakes == -1).all()
    assert np.isnan(store.means("audio")).all()
    next(store.folder.glob("*.npz")).write_bytes(b"PK damaged")
    assert not EmbeddingStore.load(folder, "ms3", len(entries), model).done.any()


def test_without_disk_space_embeddings_stay_in_memory(folder, entries, tmp_path, monkeypatch):
    monkeypatch.setenv("AVSEG_CACHE", str(tmp_path / "cache"))
    model = tmp_path / "model.safetensors"
    model.write_bytes(b"weights")
    store = EmbeddingStore.load(folder, "ms3", len(entries), model)

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(embedding_store, "make_folder", full)
    store.fill(folder, entries, lambda content: made(2), lambda done, total: None, rows=[1, 4])
    assert store.done.tolist() == [False, True, False, False, True, False, False]
    assert store.means("audio")[4, 0] == 2 and store.frames("audio")[1].tolist() == [1, 1, 4, 4]
