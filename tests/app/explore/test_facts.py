"""What the table, the scenes and the masks say of every clip."""

import numpy as np

from app.explore.facts import read_facts
from app.explore.mask_index import MaskIndex
from avseg.data.avsbench.dataset import AVSBench
from avseg.synthavs.dataset import SynthAVS


def test_scenes_name_what_sounds_though_ms3_does_not(drawn_clips):
    facts, clips = drawn_clips.facts, SynthAVS("ms3", "test", 7, 3)
    for index in range(3):
        row = facts.rows["test", clips.name(index)]
        scene = clips.scene(index)
        sounding = {sound.name for sound in scene.sounds if any(sound.on)}
        assert set(facts.labels[row]) == sounding & set(scene.visible)
        assert facts.table["offscreen"][row] == bool(sounding - set(scene.visible))
        assert facts.table["sounding_objects"][row] == len(sounding & set(scene.visible))


def test_ms3_takes_its_classes_from_avss_beside_it(tmp_path, open_folder):
    for folder in ("Multi-sources", "AVSS"):
        (tmp_path / "AVSBench" / folder).mkdir(parents=True)
    (tmp_path / "AVSBench/Multi-sources/ms3_meta_data.csv").write_text(
        "video_id,split\nabc_1,train\nxyz,test\n"
    )
    clips = open_folder(tmp_path / "AVSBench")
    assert clips.facts.table["sounding_objects"].isna().all() and not len(clips.facts.sounding.columns)
    (tmp_path / "AVSBench/AVSS/metadata.csv").write_text(
        "vid,uid,s_min,s_sec,a_obj,split,label\nabc_1,abc_1,0,0,guitar_tabla,train,v1m\n"
    )
    assert read_facts(clips.dataset).labels == (("guitar", "tabla"), ())


def test_a_table_without_clips_opens(tmp_path, open_folder):
    (tmp_path / "AVSBench" / "AVSS").mkdir(parents=True)
    (tmp_path / "AVSBench/AVSS/metadata.csv").write_text("vid,uid,s_min,s_sec,a_obj,split,label\n")
    facts = open_folder(tmp_path / "AVSBench", "avss").facts
    assert len(facts) == len(facts.table) == len(facts.sounding) == 0 and facts.splits == ()


def test_masks_are_read_saved_and_forgotten_with_the_table(drawn, drawn_clips, tmp_path):
    path, entries, masks = tmp_path / "masks.npz", drawn_clips.facts.entries, drawn_clips.masks
    masks.read_masks(drawn_clips.dataset.folder, entries, path, "k", lambda done, total: None)
    clips = AVSBench(drawn, "ms3", "train")
    for index in range(3):
        row = drawn_clips.facts.rows["train", clips.name(index)]
        share = (clips[index].classes > 0).reshape(5, -1).mean(axis=1)
        np.testing.assert_allclose(masks.share[row], share, atol=1e-6)
        assert masks.empty_frames[row] == (share == 0).sum()
    damaged = drawn_clips.facts.rows["test", "te07_000001"]
    assert np.isnan(masks.share[damaged]).tolist() == [False, True, False, False, False]
    again = MaskIndex.load(path, entries, "k")
    np.testing.assert_array_equal(again.share, masks.share)
    assert again.done.all() and not MaskIndex.load(path, entries, "other").done.any()
    path.write_bytes(b"not a zip file")
    assert not MaskIndex.load(path, entries, "k").done.any()
