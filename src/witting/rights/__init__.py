"""rights: is this permission real, and what does it open?

Covers: judging the evidence of a consent (`evidence.py`), recording what people said (`record.py`), the law of places as
dated data (`policy.py`, `packs/`), who stood where and when (`timeline.py`, `standing.py`), permit or deny for every turn (`decide.py`),
and why (`explain.py`). Not covered: the words themselves; nothing here opens a message.

Two doors only: a consent that is valid by its evidence, or legitimate interest with assessment, proven safeguards, its
lead time over and no objection. Unknown means no. From: GDPR Art. 5(2), 6, 7, 9, 21 and their likes elsewhere.

Verbs are imported from their modules (`from witting.rights.decide import decide`): each module is named after its verb.
"""
