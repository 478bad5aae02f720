"""Why a file was not read: every reason a FileVerdict can carry, in a sentence that says what to do.

Covered: files and archives as a whole. Not covered: reasons for single records (each reader states its own list).
A reader that refuses a whole file raises `unreadable(reason)`; `reason_of` reads the reason back. One reason comes with
the verdict `read`: CUT_OFF, of a file whose end is missing.
"""

from __future__ import annotations

from witting.errors import HostileArchive, InputError, UnreadableFile

CUT_OFF, ONLY_BAD = "cut_off", "only_bad_records"
CUT_RECORDS = ("cut_off", "truncated")  # reasons of the record that a file ends in
REFUSALS = {
    "ambiguous_date_order": "day and month cannot be told apart: no day above 12, no order in time, no telling words. "
    "Say it with --date-order, or export the chat again with more messages.",
    "archive_not_supported": "a packed file that is not a zip. Unpack it and give the folder.",
    "archive_refused": "another member makes the whole archive unsafe; it has its own line. Export it again.",
    "beside_the_chats": "a profile or settings file that the export carries beside its chats: it holds none.",
    "broken_archive": "the zip is cut off or damaged. Download it again.",
    "broken_json": "the file is not whole JSON. Download the export again.",
    "compression_not_supported": "packed in a way the standard library cannot read. Pack it again as an ordinary zip.",
    "cut_off": "it ends in the middle of a record; what stands before that was read. Download the export again.",
    "duplicate_name": "two members have the same name, so readers disagree on which one counts. Export it again.",
    "empty": "no bytes. Nothing was lost.",
    "encrypted": "protected by a password. Unpack it yourself and give the folder.",
    "hidden_file": "its name starts with a dot: kept by the system, not part of the export.",
    "hostile_archive": "unpacks to far more than its size. Export it again.",
    "link": "a link, not a file: it could point anywhere. Give the file it points to.",
    "macos_metadata": "written by macOS when packing; holds nothing of the export.",
    "media_not_read": "picture, sound, video or document: only words are read.",
    "mixed_headers": "two kinds of message headers in one file. Split it into one file an export.",
    "nested_archive": "an archive inside an archive is not opened. Give it on its own if it is an export.",
    "no_messages": "no message header with a possible date was found.",
    "not_a_file": "a device, socket or pipe.",
    "not_readable": "the system refused to open or read it. Check its permissions and the disk.",
    "not_utf8": "its text is not UTF-8. Export it again, or convert it to UTF-8.",
    "only_bad_records": "no record of it could be understood: it is cut off, damaged, or of another source than it looks. "
    "Download the export again, or name its source with --source.",
    "over_compressed": "unpacks to more than 200 times its size. Export it again.",
    "overlapping_members": "two members share the same bytes. Export it again.",
    "path_escape": "a name that leaves the archive: absolute, with a drive, a backslash or '..'. Export it again.",
    "too_deep": "folders nested more than 64 deep.",
    "too_large": "larger than the stated limit of its reader. Split the export.",
    "too_many_members": "more files than the limit of 500,000. Split the export.",
    "unknown_calendar": "its dates fit no calendar read here (common, Buddhist, Persian, Japanese eras).",
    "unknown_format": "no reader knows this content. Name one with --source if you are sure.",
    "unknown_meridiem": "a 12-hour clock whose half-day words are not in the table; morning and evening would be a guess.",
    "unreadable": "its reader could not make sense of it. Export it again.",
}


def unreadable(reason: str, detail: str = "") -> UnreadableFile:
    """The error for a file that is refused as a whole; `detail` holds numbers and limits, never a person's words."""
    return UnreadableFile(f"{reason}: {REFUSALS[reason]}{f' ({detail})' if detail else ''}")


def reason_of(error: InputError) -> str:
    """The reason an error was raised with; a general one where it was raised without."""
    prefix = str(error).partition(":")[0]
    if prefix in REFUSALS:
        return prefix
    return "hostile_archive" if isinstance(error, HostileArchive) else "unreadable"
