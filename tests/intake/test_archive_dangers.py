"""Hostile and broken archives, one danger at a time: refused with the member's name, and nothing beside them hurt."""

import io
import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from witting.intake import FileVerdict, Turn, admit
from witting.intake.archive import by_number

CHAT = b"14/03/2024, 21:10 - Ann: hello\n14/03/2024, 21:11 - Bo: hi\n"


def verdicts(*paths: Path) -> dict[str, FileVerdict]:
    found = [entry for entry in admit(paths, text_chars_max=1000) if isinstance(entry, FileVerdict)]
    named = {verdict.path: verdict for verdict in found}
    assert len(named) == len(found)
    return named


def packed(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def with_entry(path: Path, info: zipfile.ZipInfo, data: bytes = CHAT) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_chat.txt", CHAT)
        archive.writestr(info, data)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt",
        "a/../../evil.txt",
        "/etc/evil.txt",
        "C:evil.txt",
        "c:/evil.txt",
        "a\\..\\evil.txt",
        "a\nb.txt",
    ],
)
def test_a_name_that_leaves_the_archive_refuses_all_of_it(tmp_path, name):
    path = with_entry(tmp_path / "x.zip", zipfile.ZipInfo(name))
    found = verdicts(path)
    assert found.pop(str(path)).reason == "archive_refused"
    (offender,) = found.values()
    assert offender.reason == "path_escape"
    assert offender.path.startswith(f"{path}/")
    assert "evil" in offender.path or "b.txt" in offender.path


def test_dots_inside_a_name_are_no_escape(tmp_path):
    path = with_entry(tmp_path / "x.zip", zipfile.ZipInfo("a..b/c...txt"))
    assert {verdict.verdict for verdict in verdicts(path).values()} == {"read"}


@pytest.mark.parametrize(("kind", "reason"), [(stat.S_IFLNK, "link"), (stat.S_IFIFO, "not_a_file")])
def test_links_and_devices_in_a_zip_refuse_all_of_it(tmp_path, kind, reason):
    info = zipfile.ZipInfo("link.txt")
    info.external_attr = (kind | 0o777) << 16
    path = with_entry(tmp_path / "x.zip", info, b"/etc/passwd")
    assert [v.reason for v in verdicts(path).values()] == [reason, "archive_refused"]


def test_two_members_of_one_name_refuse_all_of_it(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = with_entry(tmp_path / "x.zip", zipfile.ZipInfo("_chat.txt"), b"other")
    assert [v.reason for v in verdicts(path).values()] == ["duplicate_name", "archive_refused"]


def test_a_member_that_unpacks_to_more_than_200_times_its_size_refuses_all_of_it(tmp_path):
    path = packed(tmp_path / "x.zip", **{"_chat.txt": CHAT, "bomb.txt": b"0" * (4 << 20)})
    assert {v.reason for v in verdicts(path).values()} == {"over_compressed", "archive_refused"}
    small = packed(tmp_path / "y.zip", **{"_chat.txt": CHAT + b"0" * (1 << 19)})
    assert {v.reason for v in verdicts(small).values()} == {""}


def test_members_that_share_bytes_refuse_all_of_it(tmp_path):
    path = packed(tmp_path / "x.zip", **{"a.txt": CHAT, "b.txt": CHAT})
    data = bytearray(path.read_bytes())
    second = data.rindex(b"PK\x01\x02")
    data[second + 42 : second + 46] = struct.pack("<I", 20)  # its local header begins inside the first member
    path.write_bytes(data)
    assert "overlapping_members" in {v.reason for v in verdicts(path).values()}


def test_a_password_refuses_the_member_and_not_its_neighbour(tmp_path):
    path = packed(tmp_path / "x.zip", **{"_chat.txt": CHAT, "secret.txt": CHAT})
    data = bytearray(path.read_bytes())
    central = data.rindex(b"PK\x01\x02")
    data[central + 8] |= 1
    path.write_bytes(data)
    found = verdicts(path)
    assert found[f"{path}/secret.txt"].reason == "encrypted"
    assert found[f"{path}/_chat.txt"].turns == 2


def test_an_archive_in_an_archive_is_not_opened_but_one_in_a_folder_is(tmp_path):
    inner = packed(tmp_path / "inner.zip", **{"_chat.txt": CHAT}).read_bytes()
    outer = packed(
        tmp_path / "outer.zip", **{"inner.zip": inner, "a.7z": b"7z\xbc\xaf\x27\x1c..", "b.tar": tar()}
    )
    found = verdicts(tmp_path)
    assert found[f"{outer}/inner.zip"].reason == "nested_archive"
    assert found[f"{outer}/a.7z"].reason == found[f"{outer}/b.tar"].reason == "archive_not_supported"
    assert found[f"{tmp_path}/inner.zip/_chat.txt"].turns == 2


def tar() -> bytes:
    return b"x" * 257 + b"ustar" + b"\x00" * 250


@pytest.mark.parametrize("keep", [4, 20, 60, -1])
def test_a_cut_off_zip_is_refused(tmp_path, keep):
    whole = packed(tmp_path / "x.zip", **{"_chat.txt": CHAT}).read_bytes()
    (tmp_path / "x.zip").write_bytes(whole[:keep])
    assert [v.reason for v in verdicts(tmp_path / "x.zip").values()] == ["broken_archive"]


def test_damaged_bytes_inside_a_member_refuse_that_member(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.txt", CHAT)
        archive.writestr("b.txt", CHAT)
    data = bytearray(path.read_bytes())
    at = data.index(b"Ann: hello")
    data[at : at + 3] = b"Eve"  # the checksum no longer holds
    path.write_bytes(data)
    found = verdicts(path)
    assert (found[f"{path}/a.txt"].reason, found[f"{path}/a.txt"].records) == ("broken_archive", 0)
    assert found[f"{path}/b.txt"].turns == 2


def test_empty_files_and_empty_zips_say_so(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"")
    packed(tmp_path / "b.zip")
    packed(tmp_path / "c.zip", **{"_chat.txt": b""})
    assert {v.reason for v in verdicts(tmp_path).values()} == {"empty"}


def test_links_pipes_and_hidden_files_in_a_folder_are_not_followed_or_opened(tmp_path):
    (tmp_path / "chat.txt").write_bytes(CHAT)
    (tmp_path / "link.txt").symlink_to(tmp_path / "chat.txt")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "chat.txt").write_bytes(CHAT)
    found = {Path(path).name: verdict.reason for path, verdict in verdicts(tmp_path).items()}
    assert found == {
        "chat.txt": "",
        "link.txt": "link",
        "loop": "link",
        "pipe": "not_a_file",
        ".git": "hidden_file",
    }


def test_numbers_in_names_are_sorted_as_numbers():
    names = ["m/message_10.json", "m/message_2.json", "a", "m/message_1.json"]
    assert sorted(names, key=by_number) == ["a", "m/message_1.json", "m/message_2.json", "m/message_10.json"]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_change_of_bytes_in_a_zip_ends_in_verdicts(tmp_path_factory, data):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_chat.txt", CHAT)
        archive.writestr("x/message_1.json", b'{"messages":[{"sender_name":"A","timestamp_ms":1}]}')
    changed = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(4, len(changed) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("zip") / "x.zip"
    path.write_bytes(changed)
    entries = list(admit([path], text_chars_max=1000))
    assert isinstance(entries[-1], FileVerdict)
    counted = sum(entry.turns for entry in entries if isinstance(entry, FileVerdict))
    assert counted == sum(isinstance(entry, Turn) for entry in entries)
