"""The published scores are those that the sources print."""

from avseg.evaluation.published import SINCE, TABLE_1


def test_published_numbers_are_the_papers():
    table = {(row.method, row.backbone): (miou, f) for row, miou, f in TABLE_1.scores("avss")}
    assert table["AVSegFormer", "PVTv2"] == (36.66, 42.0)
    assert ("LVS", "ResNet-50") not in table and len(table) == 6
    assert all(row.source for row, _, _ in SINCE.scores("s4"))
