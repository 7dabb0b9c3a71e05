"""Why something is done, or not: every reason code with its sentence for a person.

The codes are stable and go into the API, the log and the database; the windows translate by code.
"""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    # writes
    "new": "It is new in the source calendar.",
    "changed": "It changed in the source calendar.",
    "settings_changed": "The pair's settings changed.",
    "copy_missing": "Its copy was deleted by hand, and this pair restores copies.",
    "copy_edited": "Its copy was edited by hand, and this pair restores copies.",
    "copy_unknown": "Its copy was written by another installation; the original wins.",
    "form_changed": "It is copied in another form now.",
    "occurrence_cancelled": "This occurrence was cancelled in the source calendar.",
    "occurrence_changed": "This occurrence was changed in the source calendar.",
    "occurrence_restored": "A cancelled occurrence is back, so the series is made anew.",
    "original_gone": "It was deleted in the source calendar.",
    "original_missing": "Nothing in the source calendar explains this copy.",
    "second_copy": "A second copy of the same event was there, as Kalends had made it.",
    "marked": "It was written once more as it is, as a mark that other copies were taken away by Kalends.",
    "second_copy_unclear": "A second copy of the same event is there, and may have been edited: it is left to you.",
    "found_copy": "Its copy was already there.",
    "command_remove": "You asked to remove this pair's copies.",
    "command_release": "You asked to make this pair's copies your own.",
    "command_duplicate": "It was there twice, and you asked to remove the copy that is too many.",
    "command_undo_aside": "You undid its removal; it is an event of its own now.",
    "command_restore": "You brought it back from a snapshot.",
    "command_undo": "You undid a change that Kalends had made.",
    "written_back": "Its copy was edited by hand, and the edit was carried to the original.",
    "not_written_back": "Its copy was edited by hand in a way that cannot be carried to the original.",
    "conflict_copy_won": "Original and copy were both changed; the copy's change wins.",
    "conflict_keep_both": "Original and copy were both changed; the edited copy becomes an event of its own.",
    "copy_deleted": "Its copy was deleted by hand, and this pair deletes the original too.",
    "block_changed": "What its block covers changed: events beside it moved, came or went.",
    "merged": "The block of an event beside it covers it now.",
    # no copy
    "covered_by_block": "It touches another event, and one block covers both.",
    "declined": "You declined it.",
    "cancelled_original": "It is cancelled.",
    "working_location": "Working locations are left out.",
    "birthday": "Birthdays are left out.",
    "free": "It is marked as free.",
    "tentative": "Tentative events are left out.",
    "all_day": "All-day events are left out.",
    "too_short": "It is shorter than this pair's minimum.",
    "private": "It is private.",
    "word_left_out": "Its title or category has a word that this pair leaves out.",
    "without_wanted_word": "Its title and categories have none of the words that this pair asks for.",
    "outside_hours": "It is outside the hours that this pair asks for.",
    "at_left_out_hours": "It is at hours that this pair leaves out.",
    "is_copy": "It is itself a copy; copies are never copied.",
    "outside_window": "It lies outside this pair's time window.",
    "already_there": "The same meeting is in the target calendar by itself.",
    "stays_away": "You deleted its copy; it stays away.",
    "kept": "You chose to keep its copy.",
    "undone": "You undid its last change; it stays so until the original changes.",
    "changed_since": "It was changed or deleted since, so it is left alone.",
    "not_undoable": "Kalends cannot take this back by itself.",
    "already_undone": "It is undone already.",
    "copy_kept_as_edited": "Its copy was edited by hand, and this pair keeps such edits.",
    "left_after_filter": "It no longer passes the filters; its copy is left, as this pair says.",
    "frozen": "Its copy keeps coming back different from what was written, so it is left alone until it changes.",
    "not_provable": "What is in the copy's place cannot be proved to be ours, so it is not touched.",
    "released": "Its original is gone, and its copy was edited by hand: it is yours now.",
    "series_too_dense": "The series has too many occurrences to copy.",
    "rule_unreadable": "The repetition rule cannot be read.",
    "time_unreadable": "Its time or time zone cannot be placed on this computer.",
    "unreadable": "The source calendar sent it in a form that cannot be read; it is left as it was.",
    # waits
    "pending": "An earlier write is still being settled.",
    "backing_off": "The target refused it; it will be tried again later.",
    "refused": "The target calendar refused it.",
    "could_not_ask": "The service could not say whether it is still there; nothing is done until it can.",
    "held": "It waits for your decision.",
    "audit_first": "The database is older than what was done last; both calendars are checked before it is deleted.",
    "throttled": "The service asked to slow down; it will be tried again later.",
    "stopped": "The run was stopped before its turn.",
    "unknown_outcome": "The service did not say whether the write happened; the next run settles it.",
    "nothing_to_do": "Its copy is as it should be.",
}


def sentence(code: str) -> str:
    """The sentence of a reason; raises KeyError for a code that is not in the catalogue."""
    return SENTENCES[code]
