"""What the table, the scenes and the masks say of every clip."""

from pathlib import Path

import numpy as np
import pytest

from avseg.data.avsbench.dataset import AVSBench
from avseg.data.avsbench.facts import ClipFacts, read_facts
from avseg.data.avsbench.mask_index import MaskIndex
from avseg.synthavs.dataset import SynthAVS
from tests.support.avsbench_folders import write_drawn_folder


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    """A folder with seven drawn clips of MS3, of which one mask is missing."""
    return write_drawn_folder(tmp_path_factory.mktemp("drawn") / "SynthAVS")


@pytest.fixture
def facts(drawn, monkeypatch, tmp_path) -> ClipFacts:
    monkeypatch.setenv("AVSEG_CACHE", str(tmp_path / "cache"))
    return read_facts(drawn / "Multi-sources", "ms3")


def test_scenes_name_what_sounds_though_ms3_does_not(facts):
    clips = SynthAVS("ms3", "test", 7, 3)
    for index in range(3):
        row = facts.rows["test", clips.name(index)]
        scene = clips.scene(index)
        sounding = {sound.name for sound in scene.sounds if any(sound.on)}
        assert set(facts.labels[row]) == sounding & set(scene.visible)
        assert facts.offscreen[row] == bool(sounding - set(scene.visible))
        assert facts.sounding_objects[row] == len(sounding & set(scene.visible))


def test_ms3_takes_its_classes_from_avss_beside_it(tmp_path):
    for folder in ("Multi-sources", "AVSS"):
        (tmp_path / folder).mkdir()
    (tmp_path / "Multi-sources/ms3_meta_data.csv").write_text("video_id,split\nabc_1,train\nxyz,test\n")
    facts = read_facts(tmp_path / "Multi-sources", "ms3")
    assert facts.sounding_objects == [None, None] and not any(facts.labels)
    (tmp_path / "AVSS/metadata.csv").write_text(
        "vid,uid,s_min,s_sec,a_obj,split,label\nabc_1,abc_1,0,0,guitar_tabla,train,v1m\n"
    )
    assert read_facts(tmp_path / "Multi-sources", "ms3").labels == (("guitar", "tabla"), ())


def test_masks_are_read_saved_and_forgotten_with_the_table(drawn, facts, tmp_path):
    path, entries = tmp_path / "masks.npz", facts.entries
    masks = MaskIndex.empty(entries)
    masks.read_masks(drawn / "Multi-sources", entries, path, "k", lambda done, total: None)
    clips = AVSBench(drawn, "ms3", "train")
    for index in range(3):
        row = facts.rows["train", clips.name(index)]
        share = (clips[index].classes > 0).reshape(5, -1).mean(axis=1)
        np.testing.assert_allclose(masks.share[row], share, atol=1e-6)
        assert masks.empty_frames[row] == (share == 0).sum()
    damaged = facts.rows["test", "te07_000001"]
    assert np.isnan(masks.share[damaged]).tolist() == [False, True, False, False, False]
    again = MaskIndex.load(path, entries, "k")
    np.testing.assert_array_equal(again.share, masks.share)
    assert again.done.all() and not MaskIndex.load(path, entries, "other").done.any()
    path.write_bytes(b"not a zip file")
    assert not MaskIndex.load(path, entries, "k").done.any()
