"""The stored reports that the page lists."""

import shutil

from app.services import reports
from app.services.reports import BUNDLED, list_reports


def test_a_report_deleted_while_reports_are_listed_is_left_out(tmp_path, monkeypatch):
    for name in ("first", "second"):
        shutil.copytree(BUNDLED / "tiny-ms3", tmp_path / name)
    monkeypatch.setattr(reports, "BUNDLED", tmp_path)
    read, keys = reports._cached, ["bundled:first", "bundled:second"]
    assert [key for key in list_reports() if key in keys] == keys

    def delete(folder, written):
        shutil.rmtree(tmp_path / "second", ignore_errors=True)
        return read.__wrapped__(folder, written)

    monkeypatch.setattr(reports, "_cached", delete)
    assert [key for key in list_reports() if key in keys] == keys[:1]
    shutil.rmtree(tmp_path / "first")  # between the listing and its first look at the file
    assert reports._read(tmp_path / "first", "bundled", "first") is None
