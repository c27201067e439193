"""Where data come from, and that folders are found as newer repositories lay them out."""

import shutil

from avseg.__main__ import main
from avseg.data.avsbench.index import find_tasks
from avseg.data.avsbench.layout import LAYOUTS
from avseg.data.sources import SOURCES


def test_the_command_names_forms_mail_and_folders(capsys):
    assert main(["data"]) == 0
    said = capsys.readouterr().out
    assert all(source.name in said for source in SOURCES)
    assert said.count("forms.gle") == 2 and "avseg check FOLDER" in said


def test_the_nested_layout_of_newer_repositories_is_found_as_it_is(tmp_path):
    places = {
        "s4": tmp_path / "AVS_dataset/AVSBench_object/Single-source",
        "ms3": tmp_path / "AVS_dataset/AVSBench_object/Multi-sources",
        "avss": tmp_path / "AVS_dataset/AVSBench_semantic",
    }
    for task, folder in places.items():
        folder.mkdir(parents=True)
        (folder / LAYOUTS[task].table).touch()
    assert find_tasks(tmp_path / "AVS_dataset") == places
    shutil.rmtree(places["ms3"])
    assert set(find_tasks(tmp_path / "AVS_dataset")) == {"s4", "avss"}
